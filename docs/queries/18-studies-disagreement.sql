-- In which studies do model and reader disagree, bleeds that the model missed first?
SELECT study_id, label, reader_label, probability, threshold
FROM studies
WHERE label IN ('hemorrhage', 'normal') AND label <> reader_label
ORDER BY CASE reader_label WHEN 'hemorrhage' THEN 0 ELSE 1 END, study_id;
