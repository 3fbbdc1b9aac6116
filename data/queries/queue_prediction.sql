-- The models' labels for the item $item_code of $project_id: the newest first, in a run the most likely first.
-- model_run, label_code, label_json, score
SELECT model_run, label_code, label_json, score FROM prediction
WHERE item_code = $item_code AND project_id = $project_id ORDER BY seq DESC, score DESC NULLS LAST, label_code
