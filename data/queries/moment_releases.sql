-- version, seq (what the release saw), proposed_at: the releases of $project_id, newest first
SELECT version, saw_seq AS seq, proposed_at FROM release WHERE project_id = $project_id ORDER BY version DESC
