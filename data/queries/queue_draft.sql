-- The drafts of $person_id for the flag $flag_id, newest first. seq, content
SELECT seq, content FROM work_draft WHERE flag_id = $flag_id AND person_id = $person_id ORDER BY seq DESC
