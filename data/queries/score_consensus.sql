-- The consensus as of run $run_id, a row an item, in the order of the item ids. Where the run gave only changed items one, the others
-- have theirs from the full run that it stands on, or from the runs between. An item that lost all its annotations has no row.
-- item_code, item_id, label_code, p_label, n_annotations, tied, posterior
WITH asked AS (
    SELECT seq, coalesce(parameters ->> '$.stands_on', run_id) AS full_id FROM run
    WHERE project_id = $project_id AND run_id = $run_id
),
partial AS (
    SELECT run.run_id AS run_id FROM run JOIN asked ON run.seq <= asked.seq AND (run.parameters ->> '$.stands_on') = asked.full_id
    WHERE run.project_id = $project_id AND run.kind = 'consensus_changed'
),
changed AS (
    SELECT * FROM consensus WHERE project_id = $project_id AND run_id IN (SELECT run_id FROM partial)
    QUALIFY row_number() OVER (PARTITION BY item_code ORDER BY seq DESC) = 1
),
standing AS (
    SELECT consensus.* FROM consensus ANTI JOIN changed ON changed.item_code = consensus.item_code
    WHERE consensus.project_id = $project_id AND consensus.run_id = (SELECT full_id FROM asked)
    UNION ALL
    SELECT * FROM changed WHERE label_code IS NOT NULL
)
SELECT standing.item_code AS item_code, item.item_id AS item_id, standing.label_code::BIGINT AS label_code,
    standing.p_label AS p_label, standing.n_annotations AS n_annotations, standing.tied AS tied, standing.posterior AS posterior
FROM standing JOIN item ON item.project_id = standing.project_id AND item.item_code = standing.item_code
ORDER BY item.item_id
