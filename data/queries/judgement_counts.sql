-- How many items the run $run_id of $project_id placed in each quadrant. $least_together, $least_p_wrong: as `looks_wrong`.
-- quadrant, n, n_suspects (of them: labels that look wrong)
SELECT quadrant, count(*) AS n, count(*) FILTER (looks_wrong(
    is_judged, is_suspect, coalesce(choice_quality, crowd_quality, p_label), p_wrong, $least_together, $least_p_wrong
)) AS n_suspects
FROM judgement WHERE project_id = $project_id AND run_id = $run_id GROUP BY quadrant ORDER BY quadrant
