-- Which share of each day's (UTC) results was hemorrhage, for each model version?
SELECT to_char(classified_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
       model_version,
       count(*) AS files,
       avg(CASE WHEN label = 'hemorrhage' THEN 1.0 ELSE 0.0 END) AS positive_share
FROM results
WHERE state = 'classified'
GROUP BY day, model_version
ORDER BY day, model_version;
