-- The action that the flag $flag_id of $project_id is of, where it waits, at $now, for those who are asked first; else no row.
-- run_id, place (of the item in what the vault says of who is asked)
SELECT routing.run_id AS run_id, routing.place AS place
FROM flag JOIN routing ON routing.run_id = flag.run_id AND routing.item_code = flag.item_code AND routing.project_id = flag.project_id
WHERE flag.flag_id = $flag_id AND flag.project_id = $project_id AND routing.opens_at > $now
