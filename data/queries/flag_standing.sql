-- What keeps the items of $project_id from being flagged (items without a flag and without a settled label have no row).
-- item_code, is_waiting (a flag of it is not closed), closed_seq (when its newest flag was closed), newest_seq (the newest
-- annotation of it that was not retracted; null where it has no flag), settled_code (the label that people decided, else null)
WITH flagged AS (
    SELECT flag.item_code AS item_code, bool_or(flag."status" <> 'closed') AS is_waiting, max(closing.seq) AS closed_seq
    FROM flag LEFT JOIN (
        SELECT flag_id, max(seq) AS seq FROM flag_status WHERE project_id = $project_id AND "status" = 'closed'
        GROUP BY flag_id
    ) AS closing ON closing.flag_id = flag.flag_id
    WHERE flag.project_id = $project_id GROUP BY flag.item_code
),
annotated AS (
    SELECT item_code, max(seq) AS newest_seq FROM annotation
    WHERE project_id = $project_id AND item_code IN (SELECT item_code FROM flagged)
        AND annotation_id NOT IN (SELECT annotation_id FROM retraction)
    GROUP BY item_code
),
settled AS (
    SELECT item_code, label_code FROM current_label WHERE project_id = $project_id AND source IN ('relabel', 'adjudication')
)
SELECT coalesce(flagged.item_code, settled.item_code) AS item_code, coalesce(flagged.is_waiting, false) AS is_waiting,
    flagged.closed_seq AS closed_seq, annotated.newest_seq AS newest_seq, settled.label_code::BIGINT AS settled_code
FROM flagged FULL JOIN settled ON settled.item_code = flagged.item_code
LEFT JOIN annotated ON annotated.item_code = flagged.item_code
