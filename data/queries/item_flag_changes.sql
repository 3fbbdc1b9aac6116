-- How the flags of the item $item_code of $project_id changed as of $as_of, oldest first (raising them left out).
-- seq, flag_id, status, resolution, actor, changed_at, note
SELECT flag_status.seq AS seq, flag_status.flag_id AS flag_id, flag_status."status" AS "status",
    flag_status.resolution AS resolution, flag_status.actor AS actor, flag_status.changed_at AS changed_at,
    flag_status.note AS note
FROM flag_status JOIN flag ON flag.flag_id = flag_status.flag_id
WHERE flag.project_id = $project_id AND flag.item_code = $item_code AND flag_status.seq <= $as_of
    AND flag_status.seq <> flag.seq
ORDER BY flag_status.seq
