-- The independent annotations of $project_id as of $as_of that nobody took back, in the order of their time.
-- item_code, annotator_code, label_code, order (of the journal), at (UTC, null where the source gave none), active_seconds,
-- guideline_code (0 where unknown), seq
SELECT item_code, annotator_code, label_code::BIGINT AS label_code, seq * 4294967296 + position AS "order",
    labelled_at AS "at", active_seconds, coalesce(guideline_version, 0)::BIGINT AS guideline_code, seq
FROM annotation
WHERE project_id = $project_id AND seq <= $as_of AND independent AND label_code IS NOT NULL
    AND annotation_id NOT IN (SELECT annotation_id FROM retraction WHERE seq <= $as_of)
