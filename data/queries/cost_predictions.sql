-- What each model run gave for which item of $project_id as of $as_of, once each.
-- who_id (the model run), item_code, label_code (its likeliest label), day (UTC, of the import), seq
WITH given AS (
    SELECT seq, model_run, item_code, list_position(probabilities, list_max(probabilities)) - 1 AS label_code FROM probability
    WHERE project_id = $project_id AND seq <= $as_of
    UNION ALL
    SELECT max(seq), model_run, item_code, max_by(label_code, coalesce(score, 0)) FROM prediction
    WHERE project_id = $project_id AND seq <= $as_of GROUP BY model_run, item_code
)
SELECT given.model_run AS who_id, given.item_code AS item_code, max_by(given.label_code, given.seq)::BIGINT AS label_code,
    (min(event.recorded_at) AT TIME ZONE 'UTC')::DATE AS "day", min(given.seq) AS seq
FROM given JOIN event ON event.seq = given.seq GROUP BY given.model_run, given.item_code ORDER BY given.model_run, given.item_code
