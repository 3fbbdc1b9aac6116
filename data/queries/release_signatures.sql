-- seq, release_id, person_id, decision, content_hash, reason, signed_at: signatures under releases of $project_id, oldest first
SELECT signature.seq AS seq, signature.release_id AS release_id, signature.person_id AS person_id,
    signature.decision AS decision, signature.content_hash AS content_hash, signature.reason AS reason,
    signature.signed_at AS signed_at
FROM signature JOIN release ON release.release_id = signature.release_id
WHERE release.project_id = $project_id AND signature.seq <= $as_of ORDER BY signature.seq
