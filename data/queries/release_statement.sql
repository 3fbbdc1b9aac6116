-- The bias statement that the release proposed by event $seq of $project_id keeps.
-- bias_statement (JSON; null for releases proposed before their event held it)
SELECT payload -> '$.bias_statement' AS bias_statement FROM event
WHERE project_id = $project_id AND seq = $seq AND kind = 'release_proposed'
