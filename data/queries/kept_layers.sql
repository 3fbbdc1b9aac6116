-- The kept members of the run $model_run of $project_id that judge the fold $fold.
-- member, layer, unit, weights (the bias last)
SELECT member, layer, unit, weights FROM model_layer
WHERE project_id = $project_id AND model_run = $model_run AND fold = $fold ORDER BY layer, member, unit
