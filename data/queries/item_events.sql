-- The events with the numbers $seqs, oldest first.
-- seq, recorded_at, actor, kind
SELECT seq, recorded_at, actor, kind FROM event WHERE list_contains($seqs, seq) ORDER BY seq
