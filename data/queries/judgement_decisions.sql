-- What each answer and decision on a flag of $project_id says of its reasons, as of $as_of, oldest first; answers taken back are left
-- out. seq, flag_id, flag_reasons (JSON: reason -> accepted, rejected or undecided)
SELECT event.seq AS seq, json_extract_string(event.payload, '$.flag_id') AS flag_id,
    json_extract(event.payload, '$.flag_reasons')::VARCHAR AS flag_reasons FROM event
WHERE event.project_id = $project_id AND event.kind IN ('answered', 'adjudicated') AND event.seq <= $as_of
    AND json_extract(event.payload, '$.flag_reasons') IS NOT NULL
    AND event.seq NOT IN (
        SELECT json_extract(undo.payload, '$.undone_seq')::BIGINT FROM event AS undo
        WHERE undo.project_id = $project_id AND undo.kind = 'answer_undone' AND undo.seq <= $as_of
            AND json_extract(undo.payload, '$.undone_seq') IS NOT NULL)
ORDER BY event.seq
