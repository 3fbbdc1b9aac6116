-- The items of $project_id that both annotators ($annotator_a, $annotator_b) labelled independently, as of $as_of;
-- first those where they differ. Of several labels of one person the first counts, with $last the last.
-- item_id, label_a, label_b, differs
WITH votes AS (
    SELECT annotation.item_code AS item_code, annotator.annotator_id AS annotator_id,
        CASE WHEN $last THEN max_by(annotation.label_code, annotation.seq * 4294967296 + annotation.position)
            ELSE min_by(annotation.label_code, annotation.seq * 4294967296 + annotation.position) END AS label_code
    FROM annotation JOIN annotator USING (annotator_code)
    WHERE annotation.project_id = $project_id AND annotation.seq <= $as_of AND annotation.independent
        AND annotator.annotator_id IN ($annotator_a, $annotator_b)
        AND annotation_id NOT IN (SELECT annotation_id FROM retraction WHERE seq <= $as_of)
    GROUP BY annotation.item_code, annotator.annotator_id
), named AS (
    SELECT label_code, label FROM label WHERE project_id = $project_id AND set_version = (
        SELECT max(version) FROM label_set WHERE project_id = $project_id AND seq <= $as_of)
)
SELECT item.item_id AS item_id, label_a.label AS label_a, label_b.label AS label_b, label_a.label_code <> label_b.label_code AS differs
FROM votes AS vote_a
JOIN votes AS vote_b ON vote_b.item_code = vote_a.item_code AND vote_b.annotator_id = $annotator_b
JOIN item ON item.project_id = $project_id AND item.item_code = vote_a.item_code
JOIN named AS label_a ON label_a.label_code = vote_a.label_code
JOIN named AS label_b ON label_b.label_code = vote_b.label_code
WHERE vote_a.annotator_id = $annotator_a
ORDER BY differs DESC, item.item_id
