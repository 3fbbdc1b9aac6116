-- The runs of $project_id as of $as_of that gave embeddings, newest first.
-- model_run, n_items, n_dimensions, note, content_sha256, name (of the file), format, imported_by, imported_at, seq
SELECT model_run, n_items, n_dimensions, note, content_sha256, name, format, imported_by, imported_at, seq FROM embedding_run
WHERE project_id = $project_id AND seq <= $as_of ORDER BY seq DESC
