-- What annotators of $project_id said, as of $as_of, who had a suggestion that was shown to them or hidden: their first answer since it
-- was drawn that was not taken back nor given after a reveal.
-- item_code, annotator_code, label_code, order, suggestion_code, is_shown, source
WITH drawn AS (
    SELECT item_code, annotator_code, min_by(label_code, seq)::BIGINT AS suggestion_code, min_by(is_shown, seq) AS is_shown,
        min_by(source, seq) AS source, min(seq) AS seq
    FROM suggestion WHERE project_id = $project_id AND seq <= $as_of AND label_code IS NOT NULL
    GROUP BY item_code, annotator_code
)
SELECT drawn.item_code AS item_code, drawn.annotator_code AS annotator_code,
    min_by(annotation.label_code, (annotation.seq, annotation.position))::BIGINT AS label_code,
    min(annotation.seq * 4294967296 + annotation.position) AS "order", any_value(drawn.suggestion_code) AS suggestion_code,
    any_value(drawn.is_shown) AS is_shown, any_value(drawn.source) AS source
FROM drawn JOIN annotation ON annotation.item_code = drawn.item_code AND annotation.annotator_code = drawn.annotator_code
WHERE annotation.project_id = $project_id AND annotation.seq <= $as_of AND annotation.seq >= drawn.seq
    AND annotation.supersedes IS NULL AND annotation.label_code IS NOT NULL
    AND annotation.annotation_id NOT IN (SELECT annotation_id FROM retraction WHERE seq <= $as_of)
GROUP BY drawn.item_code, drawn.annotator_code ORDER BY item_code, annotator_code
