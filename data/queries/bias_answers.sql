-- seq, actor, recorded_at, payload: what was decided about gaps of $project_id, as of $as_of, oldest first
SELECT seq, actor, recorded_at, payload FROM event
WHERE project_id = $project_id AND kind = 'bias_answered' AND seq <= $as_of ORDER BY seq
