-- The independent annotations of $project_id as of $as_of that nobody took back.
-- item_code, annotator_code, label_code, order (of the journal), at, active_seconds
SELECT item_code, annotator_code, label_code::BIGINT AS label_code, seq * 4294967296 + position AS "order",
    labelled_at AS "at", active_seconds
FROM annotation
WHERE project_id = $project_id AND seq <= $as_of AND independent
    AND annotation_id NOT IN (SELECT annotation_id FROM retraction WHERE seq <= $as_of)
