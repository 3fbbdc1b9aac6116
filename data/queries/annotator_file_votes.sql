-- The independent annotations, as of $as_of, of the items of $project_id that the annotator $annotator_code labelled:
-- theirs and everybody else's. All that a figure of this annotator needs that leaves their own vote out.
-- item_code, annotator_code, label_code, order (of the journal), at, active_seconds
WITH standing AS (
    SELECT item_code, annotator_code, label_code::BIGINT AS label_code, seq * 4294967296 + position AS "order",
        labelled_at AS "at", active_seconds
    FROM annotation
    WHERE project_id = $project_id AND seq <= $as_of AND independent
        AND annotation_id NOT IN (SELECT annotation_id FROM retraction WHERE seq <= $as_of)
)
SELECT item_code, annotator_code, label_code, "order", "at", active_seconds FROM standing
WHERE item_code IN (SELECT item_code FROM standing WHERE annotator_code = $annotator_code)
