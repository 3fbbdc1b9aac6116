-- The event that the request $request_id made; none where it was not made yet.
-- seq, event_id, recorded_at, project_id, actor, kind, subject, payload, request_id, request_hash, hash
SELECT seq, event_id, recorded_at, project_id, actor, kind, subject, payload, request_id, request_hash, hash
FROM event WHERE request_id = $request_id
