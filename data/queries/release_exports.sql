-- seq, release_id, actor, exported_at, payload: exports of releases of $project_id as of $as_of, newest first
SELECT seq, subject AS release_id, actor, recorded_at AS exported_at, payload FROM event
WHERE project_id = $project_id AND kind = 'release_exported' AND seq <= $as_of ORDER BY seq DESC
