-- hash: of the event $seq
SELECT hash FROM event WHERE seq = $seq
