-- The independent annotations of $project_id as of $as_of whose time is known.
-- item_code, annotator_code, label_code, active_seconds
SELECT item_code, annotator_code, label_code::BIGINT AS label_code, active_seconds FROM annotation
WHERE project_id = $project_id AND seq <= $as_of AND independent AND active_seconds IS NOT NULL
    AND annotation_id NOT IN (SELECT annotation_id FROM retraction WHERE seq <= $as_of)
