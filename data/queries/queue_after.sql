-- What stands against undoing the event $touch_seq of $person_id on the flag $flag_id (item $item_code) of $project_id.
-- other_person (who did something with the flag afterwards), decided_by (who settled the item afterwards),
-- newer_flag (another flag of the item is being worked on), status_before (the flag's status before the event; null where the
-- event did not change it)
WITH undone AS (
    SELECT CAST(note AS BIGINT) AS seq FROM flag_touch
    WHERE flag_id = $flag_id AND project_id = $project_id AND "action" = 'undo'
),
status_of_flag AS (
    SELECT seq, "status" FROM flag_status WHERE flag_id = $flag_id AND project_id = $project_id
)
SELECT
    (SELECT max_by(touch.person_id, touch.seq) FROM flag_touch AS touch ANTI JOIN undone ON undone.seq = touch.seq
        WHERE touch.flag_id = $flag_id AND touch.project_id = $project_id AND touch.seq > $touch_seq
            AND touch.person_id <> $person_id AND touch."action" <> 'undo') AS other_person,
    (SELECT max_by(decided_by, seq) FROM decision
        WHERE item_code = $item_code AND project_id = $project_id AND seq > $touch_seq) AS decided_by,
    (SELECT max(flag_id) FROM flag WHERE item_code = $item_code AND project_id = $project_id AND flag_id <> $flag_id
        AND "status" <> 'closed') AS newer_flag,
    CASE WHEN (SELECT count(*) FROM status_of_flag WHERE seq = $touch_seq) > 0 THEN
        coalesce((SELECT max_by("status", seq) FROM status_of_flag WHERE seq < $touch_seq), 'open')
    END AS status_before
