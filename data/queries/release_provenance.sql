-- The labels of the release $release_id of $project_id, each with where it came from, in the order of the item ids.
-- item_id, label_json, label_version, source, method, run_id, p_label, n_annotations, decided_by, reason, recorded_at, event_seq
SELECT held.item_id AS item_id, held.label_json AS label_json, held."version" AS label_version, made.source AS source,
    run."method" AS "method", made.run_id AS run_id, made.p_label AS p_label, made.n_annotations AS n_annotations,
    made.decided_by AS decided_by, made.reason AS reason, made.recorded_at AS recorded_at, made.seq AS event_seq
FROM release_item AS held
JOIN label_version AS made ON made.project_id = $project_id AND made.item_code = held.item_code AND made."version" = held."version"
LEFT JOIN run ON run.project_id = $project_id AND run.run_id = made.run_id
WHERE held.release_id = $release_id ORDER BY held.item_id
