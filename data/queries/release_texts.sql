-- item_id, text: the texts of the items of $project_id as they were at $as_of
SELECT max_by(item_id, seq) AS item_id, max_by(text, seq) AS text FROM item
WHERE project_id = $project_id AND seq <= $as_of GROUP BY item_code
