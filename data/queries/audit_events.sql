-- Events, newest first: those of $project_id and the store's own ('' for every project), filtered by $kinds (empty list: every
-- kind), $actor ('' for everybody), $subject (part of the subject, any case), recorded from $since to before $until, up to $as_of.
-- seq, recorded_at, project_id, actor, kind, subject, payload, hash
WITH page AS (
    SELECT seq FROM event
    WHERE ($project_id = '' OR project_id IN ($project_id, ''))
        AND (len(CAST($kinds AS VARCHAR[])) = 0 OR list_contains(CAST($kinds AS VARCHAR[]), kind))
        AND ($actor = '' OR actor = $actor) AND contains(lower("subject"), lower($subject))
        AND (CAST($since AS TIMESTAMPTZ) IS NULL OR recorded_at >= $since)
        AND (CAST($until AS TIMESTAMPTZ) IS NULL OR recorded_at < $until) AND seq <= $as_of
    ORDER BY seq DESC LIMIT $page_size OFFSET $skip
)
SELECT seq, recorded_at, project_id, actor, kind, "subject" AS "subject", payload, hash FROM event
WHERE seq IN (SELECT seq FROM page) ORDER BY seq DESC
