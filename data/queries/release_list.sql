-- The releases of $project_id as of $as_of, newest first.
-- seq, release_id, version, content_hash, saw_seq, n_items, gates (JSON), note, proposed_by, proposed_at
SELECT seq, release_id, "version" AS "version", content_hash, saw_seq, n_items, gates, note, proposed_by, proposed_at
FROM release WHERE project_id = $project_id AND seq <= $as_of ORDER BY "version" DESC
