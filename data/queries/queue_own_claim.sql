-- The newest claim of $person_id in $project_id (nulls where there is none). flag_id, action
-- An undo lets one flag go and takes another in one event: then the taken one is the newest.
SELECT max_by(flag_id, seq * 2 + CAST("action" <> 'release' AS INTEGER)) AS flag_id,
    max_by("action", seq * 2 + CAST("action" <> 'release' AS INTEGER)) AS "action"
FROM claim WHERE person_id = $person_id AND project_id = $project_id
