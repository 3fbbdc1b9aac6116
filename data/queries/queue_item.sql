-- What the item $item_code of $project_id is, newest first. item_id, kind, text, image, image_bytes, attributes
SELECT item_id, kind, text, image, image_bytes, attributes FROM item
WHERE item_code = $item_code AND project_id = $project_id ORDER BY seq DESC
