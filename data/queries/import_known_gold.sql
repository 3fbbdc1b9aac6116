-- item_code, label_code: the gold labels of $project_id
SELECT item_code, label_code FROM gold WHERE project_id = $project_id
