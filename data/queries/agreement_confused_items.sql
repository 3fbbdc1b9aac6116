-- The items of $project_id that got both labels ($label_a, $label_b) in independent annotations, as of $as_of. Where labels are
-- sets: items that got a set with the one and without the other, and one the other way round.
-- item_id, votes_a, votes_b, votes, today (the current label)
WITH named AS (
    SELECT label_code, label, members FROM label WHERE project_id = $project_id AND set_version = (
        SELECT max(version) FROM label_set WHERE project_id = $project_id AND seq <= $as_of)
), held AS (
    SELECT named.label_code AS label_code,
        bool_or(choice.label = $label_a) AND NOT bool_or(choice.label = $label_b) AS has_a,
        bool_or(choice.label = $label_b) AND NOT bool_or(choice.label = $label_a) AS has_b
    FROM named JOIN named AS choice ON choice.label_code = named.label_code AND named.members IS NULL
        OR list_contains(named.members, choice.label_code) AND len(choice.members) = 1
    GROUP BY named.label_code
), counted AS (
    SELECT item_code, count(*) FILTER (held.has_a) AS votes_a, count(*) FILTER (held.has_b) AS votes_b, count(*) AS votes
    FROM annotation LEFT JOIN held USING (label_code)
    WHERE project_id = $project_id AND seq <= $as_of AND independent
        AND annotation_id NOT IN (SELECT annotation_id FROM retraction WHERE seq <= $as_of)
    GROUP BY item_code
)
SELECT item.item_id AS item_id, votes_a, votes_b, votes, named.label AS today
FROM counted JOIN item ON item.project_id = $project_id AND item.item_code = counted.item_code
LEFT JOIN labels_as_of($project_id, $as_of) AS newest ON newest.item_code = counted.item_code
LEFT JOIN named ON named.label_code = newest.label_code
WHERE votes_a > 0 AND votes_b > 0 ORDER BY least(votes_a, votes_b) DESC, item.item_id
