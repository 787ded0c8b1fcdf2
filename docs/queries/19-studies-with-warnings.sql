-- Which studies have something that their reader should know?
SELECT study_id, label, warnings
FROM studies
WHERE warnings IS NOT NULL
ORDER BY study_id;
