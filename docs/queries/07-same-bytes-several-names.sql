-- Which scans arrived under more than one file name, and how often under each?
SELECT scan_id, source_name, count(*) AS arrivals, min(arrived_at) AS first_arrived_at
FROM arrival
WHERE scan_id IN (
    SELECT scan_id FROM arrival GROUP BY scan_id HAVING count(DISTINCT source_name) > 1
)
GROUP BY scan_id, source_name
ORDER BY scan_id, first_arrived_at, source_name;
