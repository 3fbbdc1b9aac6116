-- item_code, item_id, version, label_code, label_json: what the release $release_id holds, in the order of the item ids
SELECT item_code, item_id, "version" AS "version", label_code, label_json FROM release_item
WHERE release_id = $release_id ORDER BY item_id
