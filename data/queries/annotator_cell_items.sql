-- The items that annotator $annotator_id labelled $label_given (independently) in $project_id, as of $as_of, with today's label.
-- item_id, given, today, labelled_at, active_seconds
WITH named AS (
    SELECT label_code, label FROM label WHERE project_id = $project_id AND set_version = (
        SELECT max(version) FROM label_set WHERE project_id = $project_id AND seq <= $as_of)
)
SELECT item.item_id AS item_id, given.label AS given, today.label AS today, annotation.labelled_at AS labelled_at,
    annotation.active_seconds AS active_seconds
FROM annotation
JOIN annotator USING (annotator_code)
JOIN item ON item.project_id = annotation.project_id AND item.item_code = annotation.item_code
JOIN named AS given ON given.label_code = annotation.label_code
LEFT JOIN labels_as_of($project_id, $as_of) AS newest ON newest.item_code = annotation.item_code
LEFT JOIN named AS today ON today.label_code = newest.label_code
WHERE annotation.project_id = $project_id AND annotation.seq <= $as_of AND annotation.independent
    AND annotator.annotator_id = $annotator_id AND ($label_given = '' OR given.label = $label_given)
    AND annotation_id NOT IN (SELECT annotation_id FROM retraction WHERE seq <= $as_of)
ORDER BY (given.label = today.label), item.item_id
