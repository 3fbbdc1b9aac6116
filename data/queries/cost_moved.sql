-- seq: the newest event of $project_id, as of $as_of, that scored it, set its rates of pay or a limit on what labels cost; 0 where there is none
SELECT greatest(
    (SELECT coalesce(max(seq), 0) FROM run WHERE project_id = $project_id AND seq <= $as_of
        AND kind IN ('score', 'consensus', 'consensus_changed')),
    (SELECT coalesce(max(seq), 0) FROM rate WHERE project_id = $project_id AND seq <= $as_of),
    (SELECT coalesce(max(seq), 0) FROM setting WHERE project_id = $project_id AND seq <= $as_of AND starts_with("key", 'alert.cost_'))
) AS seq
