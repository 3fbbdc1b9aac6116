-- What the items of $project_id are, as of $as_of (the newest row of each), in the order of the item codes.
-- item_code, item_id, text, image_bytes
SELECT item_code, max_by(item_id, seq) AS item_id, max_by(text, seq) AS text, max_by(image_bytes, seq) AS image_bytes FROM item
WHERE project_id = $project_id AND seq <= $as_of GROUP BY item_code ORDER BY item_code
