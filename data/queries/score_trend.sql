-- One measurement through time, oldest first: $key of the group ($group_kind, $group_id) in $project_id as of $as_of.
-- measured_at, value, low, high, n, undefined, unit, run_id, seq
SELECT measured_at, "value" AS "value", low, high, n, undefined, unit, run_id, seq FROM measurement
WHERE project_id = $project_id AND "key" = $key AND group_kind = $group_kind AND group_id = $group_id AND seq <= $as_of
ORDER BY seq
