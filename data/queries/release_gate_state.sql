-- What the gates of $project_id count, as of $as_of.
-- n_items, n_labelled, n_open_flags, n_flags, n_gold, annotated_seq (newest change to the independent annotations),
-- label_set_seq, gold_seq, scored_seq, scored_method (newest run that computed a consensus,
-- of changed items alone too)
WITH closed AS (
    SELECT flag_id FROM flag_status WHERE project_id = $project_id AND seq <= $as_of
    GROUP BY flag_id HAVING max_by("status", seq) = 'closed'
),
runs AS (
    SELECT max(seq) AS seq, max_by("method", seq) AS "method" FROM run
    WHERE project_id = $project_id AND seq <= $as_of AND kind IN ('score', 'consensus', 'consensus_changed')
)
SELECT
    (SELECT count(DISTINCT item_code) FROM item WHERE project_id = $project_id AND seq <= $as_of) AS n_items,
    (SELECT count(DISTINCT item_code) FROM label_version WHERE project_id = $project_id AND seq <= $as_of) AS n_labelled,
    (SELECT count(*) FROM flag WHERE project_id = $project_id AND seq <= $as_of AND flag_id NOT IN (SELECT flag_id FROM closed))
        AS n_open_flags,
    (SELECT count(*) FROM flag WHERE project_id = $project_id AND seq <= $as_of) AS n_flags,
    (SELECT count(DISTINCT item_code) FROM gold WHERE project_id = $project_id AND seq <= $as_of) AS n_gold,
    greatest(
        (SELECT coalesce(max(seq), 0) FROM annotation WHERE project_id = $project_id AND independent AND seq <= $as_of),
        (SELECT coalesce(max(retraction.seq), 0) FROM retraction JOIN annotation USING (annotation_id)
            WHERE annotation.project_id = $project_id AND annotation.independent AND retraction.seq <= $as_of)
    ) AS annotated_seq,
    (SELECT coalesce(max(seq), 0) FROM label_set WHERE project_id = $project_id AND seq <= $as_of) AS label_set_seq,
    (SELECT coalesce(max(seq), 0) FROM gold WHERE project_id = $project_id AND seq <= $as_of) AS gold_seq,
    (SELECT coalesce(seq, 0) FROM runs) AS scored_seq,
    (SELECT "method" FROM runs) AS scored_method
