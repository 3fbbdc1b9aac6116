-- What the run $run_id of $project_id took each annotator for, in the order of their codes.
-- annotator_code, weight, confusion, weights
SELECT annotator_code, weight, confusion, weights FROM run_annotator
WHERE project_id = $project_id AND run_id = $run_id ORDER BY annotator_code
