-- The flags of the item $item_code of $project_id as of $as_of, newest first.
-- seq, flag_id, raised_at, score, reasons (JSON), passport (JSON, or null), status, resolution
SELECT flag.seq AS seq, flag.flag_id AS flag_id, any_value(flag.raised_at) AS raised_at, any_value(flag.score) AS score,
    any_value(flag.reasons) AS reasons, any_value(flag.passport) AS passport, coalesce(max_by(flag_status."status", flag_status.seq), 'open') AS "status",
    arg_max_null(flag_status.resolution, flag_status.seq) AS resolution
FROM flag LEFT JOIN flag_status ON flag_status.flag_id = flag.flag_id AND flag_status.seq <= $as_of
WHERE flag.project_id = $project_id AND flag.item_code = $item_code AND flag.seq <= $as_of
GROUP BY flag.flag_id, flag.seq ORDER BY flag.seq DESC, flag.flag_id
