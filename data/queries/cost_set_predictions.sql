-- What each model run gave for which item of $project_id as of $as_of, once each, where labels are sets.
-- who_id (the model run), item_code, label_code (the set; null where probabilities were given), answers (of each choice whether it is
-- in; null where a set was given), day (UTC, of the import), seq
WITH given AS (
    SELECT seq, model_run, item_code, NULL::BIGINT AS label_code, [p > 0.5 FOR p IN probabilities] AS answers FROM probability
    WHERE project_id = $project_id AND seq <= $as_of
    UNION ALL
    SELECT max(seq), model_run, item_code, max_by(label_code, coalesce(score, 0)), NULL FROM prediction
    WHERE project_id = $project_id AND seq <= $as_of GROUP BY model_run, item_code
),
newest AS (
    SELECT model_run, item_code, max_by({'label_code': label_code, 'answers': answers}, seq) AS said, min(seq) AS seq
    FROM given GROUP BY model_run, item_code
)
SELECT newest.model_run AS who_id, newest.item_code AS item_code, newest.said.label_code::BIGINT AS label_code,
    newest.said.answers AS answers, (event.recorded_at AT TIME ZONE 'UTC')::DATE AS "day", newest.seq AS seq
FROM newest JOIN event ON event.seq = newest.seq ORDER BY newest.model_run, newest.item_code
