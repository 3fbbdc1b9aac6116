-- What the run $run_id (or the full run that it stands on) took the annotators of the item $item_code of $project_id for, as of $as_of.
-- annotator_code, annotator_id, weight, confusion (K x K, row by row; null where the method has weights; where labels are sets a
-- 2 x 2 a choice), weights (of each choice, where labels are sets and the method has weights)
SELECT run_annotator.annotator_code AS annotator_code, annotator.annotator_id AS annotator_id,
    run_annotator.weight AS weight, run_annotator.confusion AS confusion,
    run_annotator.weights AS weights
FROM run_annotator JOIN annotator ON annotator.annotator_code = run_annotator.annotator_code
WHERE run_annotator.project_id = $project_id AND run_annotator.run_id IN (
    SELECT unnest([run_id, coalesce(parameters ->> '$.stands_on', run_id)]) FROM run WHERE project_id = $project_id AND run_id = $run_id
) AND run_annotator.annotator_code IN (
    SELECT annotation.annotator_code FROM annotation
    WHERE annotation.project_id = $project_id AND annotation.item_code = $item_code AND annotation.seq <= $as_of
)
ORDER BY run_annotator.annotator_code
