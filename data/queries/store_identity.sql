-- subject: the store's id
SELECT subject FROM event WHERE kind = 'store_created' ORDER BY seq LIMIT 1
