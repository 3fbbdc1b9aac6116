-- The independent annotations, as of $as_of and not taken back, of those items of $project_id that got or lost one after $since.
-- An item that has none left is a row without an annotator.
-- item_code, annotator_code, label_code, order (of the journal)
WITH changed AS (
    SELECT item_code FROM annotation
    WHERE project_id = $project_id AND independent AND seq > $since AND seq <= $as_of
    UNION
    SELECT annotation.item_code FROM retraction JOIN annotation USING (annotation_id)
    WHERE annotation.project_id = $project_id AND annotation.independent AND retraction.seq > $since AND retraction.seq <= $as_of
),
counted AS (
    SELECT item_code, annotator_code, label_code, seq, position FROM annotation SEMI JOIN changed USING (item_code)
    WHERE project_id = $project_id AND seq <= $as_of AND independent
        AND annotation_id NOT IN (SELECT annotation_id FROM retraction WHERE seq <= $as_of)
)
SELECT changed.item_code AS item_code, counted.annotator_code AS annotator_code, counted.label_code::BIGINT AS label_code,
    counted.seq * 4294967296 + counted.position AS "order"
FROM changed LEFT JOIN counted USING (item_code)
