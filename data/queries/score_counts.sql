-- items, labelled, annotations, independent, annotators, gold of $project_id as of $as_of
SELECT
    (SELECT count(*) FROM item WHERE project_id = $project_id AND seq <= $as_of) AS items,
    (SELECT count(DISTINCT item_code) FROM label_version WHERE project_id = $project_id AND seq <= $as_of) AS labelled,
    (SELECT count(*) FROM annotation WHERE project_id = $project_id AND seq <= $as_of) AS annotations,
    (SELECT count(*) FROM annotation WHERE project_id = $project_id AND seq <= $as_of AND independent) AS independent,
    (SELECT count(DISTINCT annotator_code) FROM annotation WHERE project_id = $project_id AND seq <= $as_of) AS annotators,
    (SELECT count(DISTINCT item_code) FROM gold WHERE project_id = $project_id AND seq <= $as_of) AS gold
