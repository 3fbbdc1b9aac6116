-- version, seq (from which event on it was in force), choices (the codes that people choose among, ascending; of sets the
-- single ones) of every label set of $project_id as of $as_of, oldest first
SELECT label_set.version AS version, min(label_set.seq) AS seq,
    list_sort(list(label.label_code) FILTER (label.members IS NULL OR len(label.members) = 1)) AS choices
FROM label_set JOIN label ON label.project_id = label_set.project_id AND label.set_version = label_set.version
WHERE label_set.project_id = $project_id AND label_set.seq <= $as_of AND label.seq <= $as_of
GROUP BY label_set.version ORDER BY label_set.version
