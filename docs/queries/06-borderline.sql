-- Which results lie within 0.1 of their threshold, the closest first?
SELECT file_id, source_name, label, probability, threshold, model_version
FROM results
WHERE state = 'classified' AND abs(probability - threshold) <= 0.1
ORDER BY abs(probability - threshold), file_id;
