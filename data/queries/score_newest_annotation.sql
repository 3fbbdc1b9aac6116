-- seq: the newest event of $project_id, as of $as_of, that brought or took back an annotation (0 where none did)
SELECT greatest(
    (SELECT coalesce(max(seq), 0) FROM annotation WHERE project_id = $project_id AND independent AND seq <= $as_of),
    (SELECT coalesce(max(retraction.seq), 0) FROM retraction JOIN annotation USING (annotation_id)
        WHERE annotation.project_id = $project_id AND annotation.independent AND retraction.seq <= $as_of)
) AS seq
