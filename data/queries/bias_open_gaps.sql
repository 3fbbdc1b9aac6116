-- The gaps that stay in the newest comparison of groups in $project_id, as of $as_of; no row where nobody compared any.
-- gap_id (one row with null where no gap stays), is_answered (something was decided about it)
WITH newest AS (
    SELECT max_by(run_id, seq) AS run_id FROM run WHERE project_id = $project_id AND kind = 'bias' AND seq <= $as_of
),
gap AS (
    SELECT from_json(group_id, '["VARCHAR"]') AS part, substr("key", 8) AS measure FROM measurement
    WHERE project_id = $project_id AND run_id = (SELECT run_id FROM newest) AND group_kind = 'bias'
        AND (detail ->> '$.verdict') = 'gap'
),
decided AS (
    SELECT payload ->> '$.gap' AS gap_id FROM event
    WHERE project_id = $project_id AND kind = 'bias_answered' AND seq <= $as_of
    UNION
    SELECT unnest(from_json(coalesce(payload -> '$.about', '[]'), '["VARCHAR"]')) FROM event
    WHERE project_id = $project_id AND kind = 'bias_action_committed' AND seq <= $as_of
)
SELECT named.gap_id AS gap_id, named.gap_id IN (SELECT gap_id FROM decided) AS is_answered
FROM newest LEFT JOIN (
    SELECT part[1] || '|' || part[2] || '|' || part[3] || '|' || part[4] || '|' || part[5] || '|' || measure || '|' || part[6] AS gap_id
    FROM gap
) AS named ON true
WHERE newest.run_id IS NOT NULL
ORDER BY gap_id
