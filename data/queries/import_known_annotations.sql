-- annotation_id: every annotation of $project_id
SELECT annotation_id FROM annotation WHERE project_id = $project_id
