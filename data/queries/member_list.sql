-- person_id, name, roles, active: the members of the store as of $as_of, in the order in which they came
SELECT person_id, max_by(name, seq) AS name, max_by(roles, seq) AS roles, max_by(active, seq) AS active
FROM member WHERE seq <= $as_of GROUP BY person_id ORDER BY min(seq), person_id
