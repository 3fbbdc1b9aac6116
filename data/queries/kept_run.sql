-- The newest model run of $project_id as of $as_of whose members are kept and had not seen the item $item_code (no row where there is
-- none).
-- model_run, seq, event_hash, fold, n_members, n_labels, provenance (JSON), content_sha256, saw_seq, trained_by, trained_at,
-- weights_sha256 (of the segment that holds the weights)
SELECT model_run.model_run AS model_run, model_run.seq AS seq, event.hash AS event_hash, model_fold.fold AS fold,
    coalesce(model_run.n_members, 1) AS n_members, model_run.n_labels AS n_labels, model_run.provenance AS provenance,
    model_run.content_sha256 AS content_sha256, model_run.saw_seq AS saw_seq, model_run.imported_by AS trained_by,
    model_run.imported_at AS trained_at, json_extract_string(event.payload, '$.segments.model_layer.sha256') AS weights_sha256
FROM model_fold
JOIN model_run ON model_run.project_id = model_fold.project_id AND model_run.model_run = model_fold.model_run
JOIN event ON event.seq = model_run.seq
WHERE model_fold.project_id = $project_id AND model_fold.item_code = $item_code AND model_fold.seq <= $as_of
ORDER BY model_run.seq DESC LIMIT 1
