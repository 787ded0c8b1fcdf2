-- Which files arrived under more than one file name, and how often under each?
SELECT file_id, source_name, count(*) AS arrivals, min(arrived_at) AS first_arrived_at
FROM arrival
WHERE file_id IN (
    SELECT file_id FROM arrival GROUP BY file_id HAVING count(DISTINCT source_name) > 1
)
GROUP BY file_id, source_name
ORDER BY file_id, first_arrived_at, source_name;
