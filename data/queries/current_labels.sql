-- item_code, version, label_code, source: today's label of every item of $project_id that has one
SELECT item_code, version, label_code, source FROM current_label WHERE project_id = $project_id
