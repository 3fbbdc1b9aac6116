-- The decisions about the item $item_code of $project_id as of $as_of, oldest first.
-- seq, label_code, reason, decided_by, decided_at
SELECT seq, label_code, reason, decided_by, decided_at FROM decision
WHERE project_id = $project_id AND item_code = $item_code AND seq <= $as_of ORDER BY seq
