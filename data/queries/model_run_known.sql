-- What $project_id has under the name $model_run: one row.
-- content_sha256 (null where no probabilities came under it), has_labels (an annotation file brought its first labels)
SELECT
    (SELECT any_value(content_sha256) FROM model_run WHERE project_id = $project_id AND model_run = $model_run) AS content_sha256,
    EXISTS (SELECT 1 FROM prediction WHERE project_id = $project_id AND model_run = $model_run) AS has_labels
