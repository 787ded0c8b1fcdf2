-- Which studies has no reader seen yet, urgent ones first, then by label and probability?
SELECT study_id, coalesce(name, accession_number, study_uid) AS study, priority, label, probability, received_at
FROM studies
WHERE state = 'final' AND reader_label IS NULL
ORDER BY CASE priority WHEN 'stat' THEN 0 ELSE 1 END,
         CASE label WHEN 'hemorrhage' THEN 0 WHEN 'uncertain' THEN 1 WHEN 'not assessed' THEN 2 ELSE 3 END,
         probability DESC, received_at, study_id;
