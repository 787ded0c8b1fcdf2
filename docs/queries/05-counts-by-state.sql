-- How many scans are in each state? A state without scans has no row.
SELECT state, count(*) AS scans
FROM results
GROUP BY state
ORDER BY state;
