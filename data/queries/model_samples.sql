-- What the members of the run $model_run of $project_id say as of $as_of, in the order of the item codes.
-- item_code, samples (the members one after the other, each with a probability a label)
SELECT item_code, samples FROM model_sample
WHERE project_id = $project_id AND model_run = $model_run AND seq <= $as_of ORDER BY item_code
