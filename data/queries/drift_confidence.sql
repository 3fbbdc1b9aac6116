-- item_code, confidence: the largest probability that the newest model run of $project_id as of $as_of gave each item
SELECT item_code, list_max(probabilities) AS confidence FROM probability
WHERE project_id = $project_id AND seq <= $as_of AND model_run = (
    SELECT max_by(model_run, seq) FROM model_run WHERE project_id = $project_id AND seq <= $as_of)
QUALIFY row_number() OVER (PARTITION BY item_code ORDER BY seq DESC) = 1
