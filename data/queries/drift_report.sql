-- html, html_sha256, tool, made_at: the newest report kept with the run $run_id of $project_id
SELECT html, html_sha256, tool, made_at FROM drift_report
WHERE project_id = $project_id AND run_id = $run_id AND seq <= $as_of ORDER BY seq DESC LIMIT 1
