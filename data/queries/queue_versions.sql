-- The label versions of the item $item_code of $project_id, newest first.
-- seq, version, label_code, label_json, p_label, n_annotations, source, run_id, decided_by, reason, recorded_at
SELECT seq, "version", label_code, label_json, p_label, n_annotations, source, run_id, decided_by, reason, recorded_at
FROM label_version WHERE item_code = $item_code AND project_id = $project_id AND seq <= $as_of ORDER BY "version" DESC
