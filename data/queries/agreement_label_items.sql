-- The items of $project_id that somebody gave one of $label_codes, independently, as of $as_of; first the contested ones.
-- item_id, votes_label, votes, today (the current label)
WITH named AS (
    SELECT label_code, label FROM label WHERE project_id = $project_id AND set_version = (
        SELECT max(version) FROM label_set WHERE project_id = $project_id AND seq <= $as_of)
), counted AS (
    SELECT item_code, count(*) FILTER (list_contains($label_codes::INTEGER[], label_code)) AS votes_label, count(*) AS votes
    FROM annotation
    WHERE project_id = $project_id AND seq <= $as_of AND independent
        AND annotation_id NOT IN (SELECT annotation_id FROM retraction WHERE seq <= $as_of)
    GROUP BY item_code
)
SELECT item.item_id AS item_id, votes_label, votes, named.label AS today
FROM counted JOIN item ON item.project_id = $project_id AND item.item_code = counted.item_code
LEFT JOIN labels_as_of($project_id, $as_of) AS newest ON newest.item_code = counted.item_code
LEFT JOIN named ON named.label_code = newest.label_code
WHERE votes_label > 0 ORDER BY least(votes_label, votes - votes_label) DESC, item.item_id
