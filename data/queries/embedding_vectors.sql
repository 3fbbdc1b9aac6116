-- The embeddings that the run $model_run of $project_id gave as of $as_of, in the order of the item codes.
-- item_code, vector
SELECT item_code, vector FROM embedding
WHERE project_id = $project_id AND model_run = $model_run AND seq <= $as_of ORDER BY item_code
