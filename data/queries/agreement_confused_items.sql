-- The items of $project_id that got both labels ($label_a, $label_b) in independent annotations, as of $as_of.
-- item_id, votes_a, votes_b, votes, today (the current label)
WITH named AS (
    SELECT label_code, label FROM label WHERE project_id = $project_id AND set_version = (
        SELECT max(version) FROM label_set WHERE project_id = $project_id AND seq <= $as_of)
), counted AS (
    SELECT item_code, count(*) FILTER (named.label = $label_a) AS votes_a, count(*) FILTER (named.label = $label_b) AS votes_b,
        count(*) AS votes
    FROM annotation JOIN named USING (label_code)
    WHERE project_id = $project_id AND seq <= $as_of AND independent
        AND annotation_id NOT IN (SELECT annotation_id FROM retraction WHERE seq <= $as_of)
    GROUP BY item_code
)
SELECT item.item_id AS item_id, votes_a, votes_b, votes, named.label AS today
FROM counted JOIN item ON item.project_id = $project_id AND item.item_code = counted.item_code
LEFT JOIN labels_as_of($project_id, $as_of) AS newest ON newest.item_code = counted.item_code
LEFT JOIN named ON named.label_code = newest.label_code
WHERE votes_a > 0 AND votes_b > 0 ORDER BY least(votes_a, votes_b) DESC, item.item_id
