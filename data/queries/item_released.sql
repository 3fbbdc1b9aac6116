-- The releases of $project_id that hold the item $item_code, of what the record was as of $as_of, oldest
-- first: a release counts from the last event that it saw, so that it is among those as of its own moment.
-- seq, release_id, release_version, content_hash, label_version, label_code, proposed_at
SELECT release.seq AS seq, release.release_id AS release_id, release.version AS release_version,
    release.content_hash AS content_hash, release_item.version AS label_version, release_item.label_code::BIGINT AS label_code,
    release.proposed_at AS proposed_at
FROM release_item JOIN release ON release.release_id = release_item.release_id
WHERE release.project_id = $project_id AND release_item.item_code = $item_code AND release.saw_seq <= $as_of
ORDER BY release.seq
