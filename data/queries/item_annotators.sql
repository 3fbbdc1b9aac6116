-- annotator_id, n: who annotated in $project_id as of $as_of, most annotations first
SELECT annotator.annotator_id AS annotator_id, count(*) AS n FROM annotation
JOIN annotator ON annotator.annotator_code = annotation.annotator_code
WHERE annotation.project_id = $project_id AND annotation.seq <= $as_of GROUP BY annotator.annotator_id ORDER BY n DESC, annotator_id
