-- What one annotator of $project_id labelled twice or more, independently, as of $as_of; first where their labels differ.
-- item_id, annotator_id, n (annotations), labels (in the order in which they came), same (whether they are all one)
WITH named AS (
    SELECT label_code, label FROM label WHERE project_id = $project_id AND set_version = (
        SELECT max(version) FROM label_set WHERE project_id = $project_id AND seq <= $as_of)
)
SELECT item.item_id AS item_id, annotator.annotator_id AS annotator_id, count(*) AS n,
    string_agg(named.label, ', ' ORDER BY annotation.seq, annotation.position) AS labels,
    count(DISTINCT annotation.label_code) = 1 AS same
FROM annotation
JOIN named USING (label_code)
JOIN annotator USING (annotator_code)
JOIN item ON item.project_id = $project_id AND item.item_code = annotation.item_code
WHERE annotation.project_id = $project_id AND annotation.seq <= $as_of AND annotation.independent
    AND annotation.annotation_id NOT IN (SELECT annotation_id FROM retraction WHERE seq <= $as_of)
GROUP BY item.item_id, annotator.annotator_id HAVING count(*) >= 2
ORDER BY same, item.item_id, annotator.annotator_id
