-- What was decided about bias in $project_id, as of $as_of, oldest first: about a gap (bias_answered), or an action (bias_action_committed).
-- seq, kind, actor, recorded_at, payload, n_flags (that an action raised), n_closed (of them)
WITH closed AS (
    SELECT flag_id FROM flag_status WHERE project_id = $project_id AND seq <= $as_of
    GROUP BY flag_id HAVING max_by("status", seq) = 'closed'
),
raised AS (
    SELECT flag.run_id AS run_id, count(*) AS n_flags, count(closed.flag_id) AS n_closed
    FROM flag LEFT JOIN closed ON closed.flag_id = flag.flag_id
    WHERE flag.project_id = $project_id AND flag.seq <= $as_of GROUP BY flag.run_id
)
SELECT event.seq AS seq, event.kind AS kind, event.actor AS actor, event.recorded_at AS recorded_at, event.payload AS payload,
    coalesce(raised.n_flags, 0) AS n_flags, coalesce(raised.n_closed, 0) AS n_closed
FROM event LEFT JOIN raised ON event.kind = 'bias_action_committed' AND raised.run_id = event.subject
WHERE event.project_id = $project_id AND event.kind IN ('bias_answered', 'bias_action_committed') AND event.seq <= $as_of
ORDER BY event.seq
