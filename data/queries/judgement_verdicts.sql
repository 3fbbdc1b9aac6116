-- What people said of the flagged labels of $project_id whose flags are closed as of $as_of; of several flags of an item the newest.
-- item_code, label_before (what the flag doubted), label_after (what people made of it), resolution, reasons (JSON), closed_seq
WITH closing AS (
    SELECT flag_id, max(seq) AS closed_seq, max_by("status", seq) AS "status", max_by(resolution, seq) AS resolution
    FROM flag_status WHERE project_id = $project_id AND seq <= $as_of GROUP BY flag_id
), closed AS (
    SELECT flag.item_code AS item_code, flag.seq AS raised_seq, flag.reasons AS reasons, closing.closed_seq AS closed_seq,
        closing.resolution AS resolution, row_number() OVER (PARTITION BY flag.item_code ORDER BY closing.closed_seq DESC) AS place
    FROM flag JOIN closing ON closing.flag_id = flag.flag_id
    WHERE flag.project_id = $project_id AND flag.seq <= $as_of AND closing."status" = 'closed'
)
SELECT closed.item_code AS item_code,
    arg_max(version.label_code, version.version) FILTER (version.seq < closed.raised_seq)::BIGINT AS label_before,
    arg_max(version.label_code, version.version) FILTER (version.seq <= closed.closed_seq)::BIGINT AS label_after,
    any_value(closed.resolution) AS resolution, any_value(closed.reasons) AS reasons, any_value(closed.closed_seq) AS closed_seq
FROM closed JOIN label_version AS version ON version.project_id = $project_id AND version.item_code = closed.item_code
    AND version.seq <= $as_of
WHERE closed.place = 1 GROUP BY closed.item_code ORDER BY closed.item_code
