-- item_id, item_code: every item of $project_id
SELECT item_id, item_code FROM item WHERE project_id = $project_id
