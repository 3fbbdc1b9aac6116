-- label_code, n: today's labels of $project_id as of $as_of
SELECT label_code::BIGINT AS label_code, count(*) AS n FROM labels_as_of($project_id, $as_of) GROUP BY label_code ORDER BY label_code
