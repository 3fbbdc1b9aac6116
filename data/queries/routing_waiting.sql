-- The flags of $project_id that wait for a vote of those who are asked first, at $now.
-- flag_id, run_id (of the action), place (of the item in what the vault says of who is asked)
SELECT flag.flag_id AS flag_id, routing.run_id AS run_id, routing.place AS place
FROM routing JOIN flag ON flag.run_id = routing.run_id AND flag.item_code = routing.item_code
WHERE routing.project_id = $project_id AND routing.opens_at > $now AND flag."status" IN ('open', 'second')
ORDER BY routing.run_id, routing.place
