-- How many files are in each state? A state without files has no row.
SELECT state, count(*) AS files
FROM results
GROUP BY state
ORDER BY state;
