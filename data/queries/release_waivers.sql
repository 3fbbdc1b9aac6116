-- seq, release_id, gate, reason, person_id, waived_at: waivers of gates of releases of $project_id, oldest first
SELECT waiver.seq AS seq, waiver.release_id AS release_id, waiver.gate AS gate, waiver.reason AS reason,
    waiver.person_id AS person_id, waiver.waived_at AS waived_at
FROM waiver JOIN release ON release.release_id = waiver.release_id
WHERE release.project_id = $project_id AND waiver.seq <= $as_of ORDER BY waiver.seq
