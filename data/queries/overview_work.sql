-- open, second, adjudicate, closed: the flags of $project_id by where they stood as of $as_of
WITH standing AS (
    SELECT flag.flag_id AS flag_id, coalesce(max_by(flag_status."status", flag_status.seq), 'open') AS standing
    FROM flag LEFT JOIN flag_status ON flag_status.flag_id = flag.flag_id AND flag_status.seq <= $as_of
    WHERE flag.project_id = $project_id AND flag.seq <= $as_of GROUP BY flag.flag_id
)
SELECT count(*) FILTER (standing = 'open') AS "open", count(*) FILTER (standing = 'second') AS second,
    count(*) FILTER (standing = 'adjudicate') AS adjudicate, count(*) FILTER (standing = 'closed') AS closed
FROM standing
