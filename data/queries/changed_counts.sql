-- How the independent annotations of $project_id changed from the event $since to $as_of.
-- n_then (not taken back as of $since), n_added (came since and still stand), n_retracted (stood then, taken back since)
SELECT count(*) FILTER (WHERE annotation.seq <= $since AND (gone.seq IS NULL OR gone.seq > $since)) AS n_then,
    count(*) FILTER (WHERE annotation.seq > $since AND gone.seq IS NULL) AS n_added,
    count(*) FILTER (WHERE annotation.seq <= $since AND gone.seq > $since) AS n_retracted
FROM annotation LEFT JOIN (
    SELECT annotation_id, min(seq) AS seq FROM retraction WHERE seq <= $as_of GROUP BY annotation_id
) AS gone ON gone.annotation_id = annotation.annotation_id
WHERE annotation.project_id = $project_id AND annotation.independent AND annotation.seq <= $as_of
