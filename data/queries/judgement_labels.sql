-- The label of every item of $project_id as of $as_of.
-- item_code, label_code, source (consensus, relabel, adjudication), p_label
SELECT item_code, label_code::BIGINT AS label_code, source, p_label FROM labels_as_of($project_id, $as_of) ORDER BY item_code
