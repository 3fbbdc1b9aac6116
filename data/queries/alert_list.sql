-- The alerts of $project_id as of $as_of, newest first, with what became of them.
-- seq, alert_id, run_id, key, group_kind, group_id ('' for the project), unit, side, value, low, high, n, limit_value, sentence, data_seq,
-- annotators (JSON list of those it names, or null), opened_at, status (open, owned, closed), owner, code, reason, changed_by, changed_at,
-- saw_seq (up to which event the person of the last change had seen), attempts, delivered, tried_at, host, answer
WITH moved AS (
    SELECT alert_id, max_by("status", seq) AS "status", max_by("owner", seq) AS "owner", max_by(code, seq) AS code,
        max_by(reason, seq) AS reason, max_by(actor, seq) AS changed_by, max_by(changed_at, seq) AS changed_at,
        max_by(coalesce(saw_seq, seq), seq) AS saw_seq
    FROM alert_status WHERE project_id = $project_id AND seq <= $as_of GROUP BY alert_id
), sent AS (
    SELECT alert_id, max(attempt) AS attempts, bool_or(delivered) AS delivered, max_by(tried_at, seq) AS tried_at,
        max_by(host, seq) AS host, max_by(answer, seq) AS answer
    FROM alert_delivery WHERE project_id = $project_id AND seq <= $as_of GROUP BY alert_id
)
SELECT alert.seq AS seq, alert.alert_id AS alert_id, alert.run_id AS run_id, alert."key" AS "key",
    coalesce(alert.group_kind, '') AS group_kind, coalesce(alert.group_id, '') AS group_id, coalesce(alert.unit, '') AS unit,
    coalesce(alert.side, '') AS side, alert."value" AS "value", alert.low AS low, alert.high AS high, alert.n AS n,
    alert.limit_value AS limit_value, alert.sentence AS sentence, alert.data_seq AS data_seq, alert.annotators AS annotators,
    alert.opened_at AS opened_at,
    coalesce(moved."status", 'open') AS "status", moved."owner" AS "owner", moved.code AS code, moved.reason AS reason,
    moved.changed_by AS changed_by, moved.changed_at AS changed_at, moved.saw_seq AS saw_seq,
    coalesce(sent.attempts, 0)::BIGINT AS attempts,
    coalesce(sent.delivered, false) AS delivered, sent.tried_at AS tried_at, sent.host AS host, sent.answer AS answer
FROM alert LEFT JOIN moved ON moved.alert_id = alert.alert_id LEFT JOIN sent ON sent.alert_id = alert.alert_id
WHERE alert.project_id = $project_id AND alert.seq <= $as_of ORDER BY alert.seq DESC, alert.alert_id
