-- The measurements of run $run_id in groups of kind $group_kind ('' overall, label, annotator, pair).
-- key, group_id, value, low, high, n, undefined, unit, detail
SELECT "key" AS "key", group_id, "value" AS "value", low, high, n, undefined, unit, detail FROM measurement
WHERE project_id = $project_id AND run_id = $run_id AND group_kind = $group_kind ORDER BY "key", group_id
