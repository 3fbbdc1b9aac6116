-- The model runs of $project_id as of $as_of that gave probabilities, newest first.
-- model_run, n_items, n_labels, note, out_of_sample (passed, doubted, not_checked), warning, name (of the file), imported_by,
-- imported_at, seq
SELECT model_run, n_items, n_labels, note, out_of_sample, warning, name, imported_by, imported_at, seq FROM model_run
WHERE project_id = $project_id AND seq <= $as_of ORDER BY seq DESC
