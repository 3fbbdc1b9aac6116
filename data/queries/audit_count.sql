-- n: how many events the filters of audit_events.sql leave
SELECT count(*) AS n FROM event
WHERE ($project_id = '' OR project_id IN ($project_id, ''))
    AND (len(CAST($kinds AS VARCHAR[])) = 0 OR list_contains(CAST($kinds AS VARCHAR[]), kind))
    AND ($actor = '' OR actor = $actor) AND contains(lower("subject"), lower($subject))
    AND (CAST($since AS TIMESTAMPTZ) IS NULL OR recorded_at >= $since)
    AND (CAST($until AS TIMESTAMPTZ) IS NULL OR recorded_at < $until) AND seq <= $as_of
