-- The model runs of $project_id as of $as_of that gave probabilities, newest first.
-- model_run, n_items, n_labels, n_members (of which there are samples; 1 where there are none), note, out_of_sample (passed, doubted,
-- not_checked, by_folds), warning, name (of the file), format, provenance (JSON, or null), imported_by, imported_at, seq
SELECT model_run, n_items, n_labels, coalesce(n_members, 1) AS n_members, note, out_of_sample, warning, name, format, provenance,
    imported_by, imported_at, seq FROM model_run
WHERE project_id = $project_id AND seq <= $as_of ORDER BY seq DESC
