-- item_id of the item $item_code of $project_id
SELECT item_id FROM item WHERE item_code = $item_code AND project_id = $project_id
