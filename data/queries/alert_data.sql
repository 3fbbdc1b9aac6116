-- The newest event of $project_id, as of $as_of, that brought facts which figures rest on (0 where none did): `labels` of agreement, gold and
-- groups, `models` of what models say of items, `pay` of work and its rates.
-- labels, models, pay
SELECT greatest(
        (SELECT coalesce(max(seq), 0) FROM annotation WHERE project_id = $project_id AND independent AND seq <= $as_of),
        (SELECT coalesce(max(retraction.seq), 0) FROM retraction JOIN annotation USING (annotation_id)
            WHERE annotation.project_id = $project_id AND annotation.independent AND retraction.seq <= $as_of),
        (SELECT coalesce(max(seq), 0) FROM gold WHERE project_id = $project_id AND seq <= $as_of),
        (SELECT coalesce(max(seq), 0) FROM label_set WHERE project_id = $project_id AND seq <= $as_of)
    ) AS labels,
    greatest(
        (SELECT coalesce(max(seq), 0) FROM model_run WHERE project_id = $project_id AND seq <= $as_of),
        (SELECT coalesce(max(seq), 0) FROM embedding_run WHERE project_id = $project_id AND seq <= $as_of)
    ) AS models,
    greatest(
        (SELECT coalesce(max(seq), 0) FROM annotation WHERE project_id = $project_id AND seq <= $as_of),
        (SELECT coalesce(max(seq), 0) FROM rate WHERE project_id = $project_id AND seq <= $as_of)
    ) AS pay
