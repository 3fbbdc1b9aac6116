-- What the features of the run $model_run of $project_id are called, and what moves and stretches them.
-- name, centre, scale
SELECT name, centre, scale FROM model_feature WHERE project_id = $project_id AND model_run = $model_run ORDER BY place
