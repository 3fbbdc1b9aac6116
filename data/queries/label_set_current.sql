-- The newest label set of $project_id as of $as_of, a row a label, in label order.
-- version, level, label_code, label, value (number where the label is one), position, members (codes, where labels are sets)
SELECT label_set.version AS version, label_set.level AS level, label.label_code AS label_code, label.label AS label,
    label.value AS value, label.position AS position, label.members AS members
FROM label_set JOIN label ON label.project_id = label_set.project_id AND label.set_version = label_set.version
WHERE label_set.project_id = $project_id AND label.seq <= $as_of AND label_set.version = (
    SELECT max(version) FROM label_set AS newest WHERE newest.project_id = $project_id AND newest.seq <= $as_of
)
ORDER BY label.position
