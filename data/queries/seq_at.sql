-- seq: the last event recorded at or before $moment (0 where there is none)
SELECT coalesce(max(seq), 0) AS seq FROM event WHERE recorded_at <= $moment
