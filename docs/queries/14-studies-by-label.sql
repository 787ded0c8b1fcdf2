-- How many studies has each label, by model version and rule?
SELECT model_version, rule, label, count(*) AS studies
FROM studies
WHERE label IS NOT NULL
GROUP BY model_version, rule, label
ORDER BY model_version, rule, label;
