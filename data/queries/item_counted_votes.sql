-- The independent annotations of the item $item_code of $project_id as of $as_of that nobody took back.
-- item_code, annotator_code, label_code, order (of the journal)
SELECT item_code, annotator_code, label_code::BIGINT AS label_code, seq * 4294967296 + position AS "order"
FROM annotation
WHERE project_id = $project_id AND item_code = $item_code AND seq <= $as_of AND independent
    AND annotation_id NOT IN (SELECT annotation_id FROM retraction WHERE seq <= $as_of)
