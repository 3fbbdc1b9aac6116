-- The runs of $project_id as of $as_of that gave probabilities of tokens, newest first.
-- model_run, n_items, n_tokens, tags (a JSON list), note, content_sha256, name (of the file), format, imported_by, imported_at, seq
SELECT model_run, n_items, n_tokens, tags, note, content_sha256, name, format, imported_by, imported_at, seq FROM token_run
WHERE project_id = $project_id AND seq <= $as_of ORDER BY seq DESC
