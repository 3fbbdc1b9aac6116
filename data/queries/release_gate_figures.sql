-- The newest overall measurement of each figure of $project_id, as of $as_of, with the run that made it.
-- key, value, low, high, n, undefined, run_id, saw_seq, seq, measured_at
SELECT measured."key" AS "key", measured."value" AS "value", measured.low AS low, measured.high AS high, measured.n AS n,
    measured.undefined AS undefined, measured.run_id AS run_id, run.saw_seq AS saw_seq, measured.seq AS seq,
    measured.measured_at AS measured_at
FROM measurement AS measured JOIN run ON run.run_id = measured.run_id AND run.project_id = measured.project_id
WHERE measured.project_id = $project_id AND measured.group_kind = '' AND measured.seq <= $as_of
QUALIFY row_number() OVER (PARTITION BY measured."key" ORDER BY measured.seq DESC) = 1
ORDER BY measured."key"
