-- How often do readers agree with the model, by week and model version?
SELECT CAST(week AS text) AS week, model_version, readings, agreed, disagreed, uncertain, not_assessed,
       agreement
FROM agreement
ORDER BY week, model_version;
