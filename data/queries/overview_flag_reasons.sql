-- reason, n: the open flags of $project_id as of $as_of by each of their reasons, most first
WITH standing AS (
    SELECT flag.flag_id AS flag_id, any_value(flag.reasons) AS reasons,
        coalesce(max_by(flag_status."status", flag_status.seq), 'open') AS standing
    FROM flag LEFT JOIN flag_status ON flag_status.flag_id = flag.flag_id AND flag_status.seq <= $as_of
    WHERE flag.project_id = $project_id AND flag.seq <= $as_of GROUP BY flag.flag_id
), reason AS (
    SELECT unnest(from_json(reasons, '[{"key":"VARCHAR"}]')).key AS reason FROM standing WHERE standing <> 'closed'
)
SELECT reason, count(*) AS n FROM reason GROUP BY reason ORDER BY n DESC, reason
