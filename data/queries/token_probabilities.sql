-- What the run $model_run of $project_id says of tokens as of $as_of, in the order of the item codes.
-- item_code, starts, ends, probabilities
SELECT item_code, starts, ends, probabilities FROM token_probability
WHERE project_id = $project_id AND model_run = $model_run AND seq <= $as_of ORDER BY item_code
