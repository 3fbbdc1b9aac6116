-- The flag that $person_id last did something with in $project_id and did not undo; no row where there is none.
-- seq, flag_id
WITH undone AS (
    SELECT CAST(note AS BIGINT) AS seq FROM flag_touch
    WHERE person_id = $person_id AND project_id = $project_id AND "action" = 'undo'
)
SELECT touch.seq AS seq, touch.flag_id AS flag_id FROM flag_touch AS touch ANTI JOIN undone ON undone.seq = touch.seq
WHERE touch.person_id = $person_id AND touch.project_id = $project_id AND touch."action" <> 'undo'
    AND touch.seq = coalesce($seq, touch.seq)
ORDER BY touch.seq DESC LIMIT 1
