-- What people did with the flag $flag_id of $project_id, oldest first; an undo names the event that it undid in its note.
-- seq, person_id, action (blind, answer, skip, question, undo), annotation_id, label_code, verdict, note, touched_at
SELECT seq, person_id, "action" AS "action", annotation_id, label_code, verdict, note, touched_at FROM flag_touch
WHERE flag_id = $flag_id AND project_id = $project_id ORDER BY seq
