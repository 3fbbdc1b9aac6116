-- Every claim on the flag $flag_id of $project_id. seq, person_id, action (take, renew, release), claimed_at
SELECT seq, person_id, "action" AS "action", claimed_at FROM claim WHERE flag_id = $flag_id AND project_id = $project_id
