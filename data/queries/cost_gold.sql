-- The gold labels of $project_id as of $as_of, and since which event each item has one.
-- item_code, label_code (the newest), since
SELECT item_code, max_by(label_code, seq)::BIGINT AS label_code, min(seq) AS since FROM gold
WHERE project_id = $project_id AND seq <= $as_of GROUP BY item_code ORDER BY item_code
