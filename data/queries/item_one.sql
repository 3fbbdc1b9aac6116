-- The item $item_id of $project_id as of $as_of (no row where there is none).
-- seq, item_code, kind, text, image, image_bytes, attributes, gold_code (its newest gold label, else null)
SELECT item.seq AS seq, item.item_code AS item_code, item.kind AS kind, item.text AS text, item.image AS image,
    item.image_bytes AS image_bytes, item.attributes AS attributes, (
        SELECT max_by(gold.label_code, gold.seq) FROM gold
        WHERE gold.project_id = $project_id AND gold.item_code = item.item_code AND gold.seq <= $as_of
    ) AS gold_code
FROM item WHERE item.project_id = $project_id AND item.item_id = $item_id AND item.seq <= $as_of
ORDER BY item.seq DESC LIMIT 1
