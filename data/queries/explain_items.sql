-- The items of $project_id that had a label as of $as_of, and the item $item_code in any case: at most $most others of them, the
-- same ones every time.
-- item_code, item_id, kind, text, image_bytes, label_code (null where it has none)
WITH labelled AS (
    SELECT item_code, max_by(label_code, version)::BIGINT AS label_code
    FROM label_version WHERE project_id = $project_id AND seq <= $as_of GROUP BY item_code
)
SELECT item.item_code AS item_code, item.item_id AS item_id, item.kind AS kind, item.text AS text,
    item.image_bytes AS image_bytes, labelled.label_code AS label_code
FROM item LEFT JOIN labelled ON labelled.item_code = item.item_code
WHERE item.project_id = $project_id AND item.seq <= $as_of
    AND (item.item_code = $item_code OR labelled.label_code IS NOT NULL)
ORDER BY item.item_code = $item_code DESC, md5(item.item_id) LIMIT $most + 1
