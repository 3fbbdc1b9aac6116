-- annotator_id, kind, n (annotations that stand), first_at, last_at, recorded_last: who labelled in $project_id as of $as_of
SELECT annotator.annotator_id AS annotator_id, annotator.kind AS kind, count(*) AS n, min(annotation.labelled_at) AS first_at,
    max(annotation.labelled_at) AS last_at, max(annotation.recorded_at) AS recorded_last
FROM annotation JOIN annotator USING (annotator_code)
WHERE annotation.project_id = $project_id AND annotation.seq <= $as_of
    AND annotation_id NOT IN (SELECT annotation_id FROM retraction WHERE seq <= $as_of)
GROUP BY annotator.annotator_id, annotator.kind ORDER BY annotator.annotator_id
