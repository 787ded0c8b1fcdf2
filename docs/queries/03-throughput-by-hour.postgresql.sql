-- How many files were classified in each hour (UTC) of the last seven days?
SELECT to_char(classified_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:00') AS hour, count(*) AS files
FROM results
WHERE state = 'classified' AND classified_at >= now() - INTERVAL '7 days'
GROUP BY hour
ORDER BY hour;
