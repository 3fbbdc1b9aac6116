-- item_code, label_code: the gold labels of $project_id as of $as_of (the newest one of an item)
SELECT item_code, max_by(label_code, seq)::BIGINT AS label_code FROM gold
WHERE project_id = $project_id AND seq <= $as_of GROUP BY item_code ORDER BY item_code
