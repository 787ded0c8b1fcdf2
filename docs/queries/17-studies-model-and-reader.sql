-- How often does which label of the model meet which of the readers?
SELECT label, reader_label, count(*) AS studies
FROM studies
WHERE label IS NOT NULL AND reader_label IS NOT NULL
GROUP BY label, reader_label
ORDER BY label, reader_label;
