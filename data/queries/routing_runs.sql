-- run_id: the actions in $project_id since $since that asked for one more vote; who is asked first may still have some of their items
SELECT run_id FROM run WHERE project_id = $project_id AND kind = 'bias_action' AND "method" = 'extra-vote' AND ran_at >= $since ORDER BY run_id
