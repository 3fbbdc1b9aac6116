-- The alerts of $project_id as of $as_of, newest first, with what became of them.
-- seq, alert_id, run_id, key, value, low, high, n, limit_value, sentence, opened_at, status (open, owned, closed), owner, reason,
-- changed_by, changed_at, attempts, delivered
WITH moved AS (
    SELECT alert_id, max_by("status", seq) AS "status", max_by("owner", seq) AS "owner", max_by(reason, seq) AS reason,
        max_by(actor, seq) AS changed_by, max_by(changed_at, seq) AS changed_at
    FROM alert_status WHERE project_id = $project_id AND seq <= $as_of GROUP BY alert_id
), sent AS (
    SELECT alert_id, max(attempt) AS attempts, bool_or(delivered) AS delivered
    FROM alert_delivery WHERE project_id = $project_id AND seq <= $as_of GROUP BY alert_id
)
SELECT alert.seq AS seq, alert.alert_id AS alert_id, alert.run_id AS run_id, alert."key" AS "key", alert."value" AS "value",
    alert.low AS low, alert.high AS high, alert.n AS n, alert.limit_value AS limit_value, alert.sentence AS sentence,
    alert.opened_at AS opened_at, coalesce(moved."status", 'open') AS "status", moved."owner" AS "owner", moved.reason AS reason,
    moved.changed_by AS changed_by, moved.changed_at AS changed_at, coalesce(sent.attempts, 0)::BIGINT AS attempts,
    coalesce(sent.delivered, false) AS delivered
FROM alert LEFT JOIN moved ON moved.alert_id = alert.alert_id LEFT JOIN sent ON sent.alert_id = alert.alert_id
WHERE alert.project_id = $project_id AND alert.seq <= $as_of ORDER BY alert.seq DESC, alert.alert_id
