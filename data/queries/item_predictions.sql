-- The predictions for the item $item_code of $project_id as of $as_of, newest first.
-- seq, model_run, label_code, score
SELECT seq, model_run, label_code, score FROM prediction
WHERE project_id = $project_id AND item_code = $item_code AND seq <= $as_of ORDER BY seq DESC, score DESC, model_run
