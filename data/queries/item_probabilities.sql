-- What each model run gave the item $item_code of $project_id as of $as_of, the newest run first.
-- model_run, out_of_sample (passed, doubted, not_checked, by_folds), content_sha256, seq, probabilities (indexed by label_code)
SELECT model_run.model_run AS model_run, model_run.out_of_sample AS out_of_sample, model_run.content_sha256 AS content_sha256,
    model_run.seq AS seq, probability.probabilities AS probabilities
FROM probability JOIN model_run ON model_run.project_id = probability.project_id AND model_run.model_run = probability.model_run
WHERE probability.project_id = $project_id AND probability.item_code = $item_code AND probability.seq <= $as_of
ORDER BY model_run.seq DESC
