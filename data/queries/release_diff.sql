-- What differs between the release $release_id and the one before it, $before_id (no such release: everything is added).
-- item_id, change (added, removed, changed: another label, redecided: a new version with the same label), from_version,
-- from_json, to_version, to_json
WITH now AS (SELECT item_id, "version" AS "version", label_json FROM release_item WHERE release_id = $release_id),
before AS (SELECT item_id, "version" AS "version", label_json FROM release_item WHERE release_id = $before_id)
SELECT coalesce(now.item_id, before.item_id) AS item_id,
    CASE WHEN before.item_id IS NULL THEN 'added' WHEN now.item_id IS NULL THEN 'removed'
        WHEN now.label_json <> before.label_json THEN 'changed' ELSE 'redecided' END AS change,
    before."version" AS from_version, before.label_json AS from_json, now."version" AS to_version, now.label_json AS to_json
FROM now FULL JOIN before ON before.item_id = now.item_id
WHERE before.item_id IS NULL OR now.item_id IS NULL OR now."version" <> before."version" OR now.label_json <> before.label_json
ORDER BY change = 'redecided', item_id
