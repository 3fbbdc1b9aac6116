-- What $person_id did last in $project_id and did not undo, newest first, at most $how_many rows.
-- seq, flag_id, action, verdict, label_code, note, touched_at, item_id, text
WITH undone AS (
    SELECT CAST(note AS BIGINT) AS seq FROM flag_touch
    WHERE project_id = $project_id AND person_id = $person_id AND "action" = 'undo'
),
newest AS (
    SELECT touch.* FROM flag_touch AS touch ANTI JOIN undone ON undone.seq = touch.seq
    WHERE touch.project_id = $project_id AND touch.person_id = $person_id AND touch."action" <> 'undo'
    ORDER BY touch.seq DESC LIMIT $how_many
),
named AS (
    SELECT newest.*, flag.item_code AS item_code FROM newest
    JOIN flag ON flag.flag_id = newest.flag_id AND flag.project_id = $project_id
),
content AS (
    SELECT item_code, max_by(item_id, seq) AS item_id, left(max_by(text, seq), 120) AS text FROM item
    WHERE project_id = $project_id AND item_code IN (SELECT item_code FROM named) GROUP BY item_code
)
SELECT named.seq AS seq, named.flag_id AS flag_id, named."action" AS "action", named.verdict AS verdict,
    named.label_code AS label_code, named.note AS note, named.touched_at AS touched_at, content.item_id AS item_id,
    content.text AS text
FROM named LEFT JOIN content ON content.item_code = named.item_code ORDER BY named.seq DESC
