-- The label versions of the item $item_code of $project_id as of $as_of, oldest first.
-- seq, label_version, label_code, p_label, n_annotations, source, decided_by, reason, recorded_at
SELECT seq, version AS label_version, label_code, p_label, n_annotations, source, decided_by, reason, recorded_at
FROM label_version WHERE project_id = $project_id AND item_code = $item_code AND seq <= $as_of ORDER BY version
