-- Who labelled in $project_id as of $as_of, every annotation that stands, by when it was made (else recorded).
-- annotator_id, kind, n, n_since (of those made at or after $since), last_at
SELECT annotator.annotator_id AS annotator_id, annotator.kind AS kind, count(*) AS n,
    count(*) FILTER (coalesce(labelled_at, recorded_at) >= CAST($since AS TIMESTAMPTZ)) AS n_since,
    max(coalesce(labelled_at, recorded_at)) AS last_at
FROM annotation JOIN annotator USING (annotator_code)
WHERE annotation.project_id = $project_id AND annotation.seq <= $as_of
    AND annotation_id NOT IN (SELECT annotation_id FROM retraction WHERE seq <= $as_of)
GROUP BY annotator.annotator_id, annotator.kind ORDER BY annotator.annotator_id
