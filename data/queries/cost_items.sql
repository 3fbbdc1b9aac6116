-- The items of $project_id as of $as_of: today's label, and whether somebody still has to look at it.
-- item_code, item_id, label_code (null: none), is_waiting
WITH standing AS (
    SELECT flag.item_code AS item_code, coalesce(max_by(flag_status."status", flag_status.seq), 'open') AS standing
    FROM flag LEFT JOIN flag_status ON flag_status.flag_id = flag.flag_id AND flag_status.seq <= $as_of
    WHERE flag.project_id = $project_id AND flag.seq <= $as_of GROUP BY flag.flag_id, flag.item_code
),
waiting AS (SELECT DISTINCT item_code FROM standing WHERE standing <> 'closed'),
newest AS (
    SELECT item_code, max_by(label_code, version) AS label_code FROM label_version
    WHERE project_id = $project_id AND seq <= $as_of GROUP BY item_code
),
known AS (
    SELECT item_code, max_by(item_id, seq) AS item_id FROM item WHERE project_id = $project_id AND seq <= $as_of GROUP BY item_code
)
SELECT known.item_code AS item_code, known.item_id AS item_id, newest.label_code::BIGINT AS label_code,
    waiting.item_code IS NOT NULL AS is_waiting
FROM known LEFT JOIN newest ON newest.item_code = known.item_code LEFT JOIN waiting ON waiting.item_code = known.item_code
ORDER BY known.item_code
