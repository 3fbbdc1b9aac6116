-- The flags of $project_id that a lead may settle, most pressing first: those that need a lead, then those that wait for a second
-- person, then open ones that somebody skipped.
-- flag_id, item_code, item_id, text, kind, score, status, raised_at, waiting_since, label_code, version, n_answers, n_skips,
-- n_questions
WITH undone AS (
    SELECT CAST(note AS BIGINT) AS seq FROM flag_touch WHERE project_id = $project_id AND "action" = 'undo'
),
touched AS (
    SELECT touch.flag_id AS flag_id, count(*) FILTER (WHERE touch."action" = 'answer') AS n_answers,
        count(*) FILTER (WHERE touch."action" = 'skip') AS n_skips,
        count(*) FILTER (WHERE touch."action" = 'question') AS n_questions, max(touch.touched_at) AS touched_at
    FROM flag_touch AS touch ANTI JOIN undone ON undone.seq = touch.seq
    WHERE touch.project_id = $project_id AND touch."action" <> 'undo' GROUP BY touch.flag_id
),
waiting AS (
    SELECT flag.flag_id AS flag_id, flag.item_code AS item_code, flag.score AS score, flag."status" AS "status",
        flag.raised_at AS raised_at, coalesce(touched.touched_at, flag.raised_at) AS waiting_since,
        coalesce(touched.n_answers, 0) AS n_answers, coalesce(touched.n_skips, 0) AS n_skips,
        coalesce(touched.n_questions, 0) AS n_questions
    FROM flag LEFT JOIN touched ON touched.flag_id = flag.flag_id
    WHERE flag.project_id = $project_id
        AND (flag."status" IN ('adjudicate', 'second') OR (flag."status" = 'open' AND touched.n_skips > 0))
),
content AS (
    SELECT item_code, max_by(item_id, seq) AS item_id, left(max_by(text, seq), 160) AS text, max_by(kind, seq) AS kind
    FROM item WHERE project_id = $project_id AND item_code IN (SELECT item_code FROM waiting) GROUP BY item_code
)
SELECT waiting.*, content.item_id AS item_id, content.text AS text, content.kind AS kind,
    current_label.label_code AS label_code, current_label."version" AS "version"
FROM waiting LEFT JOIN content ON content.item_code = waiting.item_code
LEFT JOIN current_label ON current_label.item_code = waiting.item_code AND current_label.project_id = $project_id
ORDER BY CASE waiting."status" WHEN 'adjudicate' THEN 0 WHEN 'second' THEN 1 ELSE 2 END, waiting.waiting_since, waiting.flag_id
