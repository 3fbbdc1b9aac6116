-- seq, recorded_at, kind: the event $seq
SELECT seq, recorded_at, kind FROM event WHERE seq = $seq
