-- Which studies lie within 0.1 of their threshold, the closest first?
SELECT study_id, label, probability, threshold
FROM studies
WHERE abs(probability - threshold) <= 0.1
ORDER BY abs(probability - threshold), study_id;
