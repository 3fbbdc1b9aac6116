-- The notes about the annotator $annotator_id in $project_id as of $as_of, newest first; what they say is in the vault.
-- seq, note_id, shared (with the annotator), written_by, written_at
SELECT seq, json_extract_string(payload, '$.note_id') AS note_id, CAST(json_extract(payload, '$.shared') AS BOOLEAN) AS shared,
    actor AS written_by, recorded_at AS written_at
FROM event
WHERE kind = 'note_written' AND project_id = $project_id AND "subject" = $annotator_id AND seq <= $as_of
ORDER BY seq DESC
