-- item_code, model_run: which items of $project_id have a prediction from which model run
SELECT DISTINCT item_code, model_run FROM prediction WHERE project_id = $project_id
