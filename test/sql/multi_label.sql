-- Images that carry any number of labels.
SET client_min_messages = warning;

CREATE VIEW subjects AS
SELECT id, image, id % 3 = 0 AS valid,
	CASE WHEN label IS NULL THEN NULL
		 WHEN label = 'illustrations' THEN ARRAY['picture', place, 'picture']
		 WHEN id % 2 = 0 THEN ARRAY[place]
		 ELSE '{}' END AS subjects
FROM adverts WHERE place IN ('Wheeling, W. Va.', 'Davenport, Iowa');
SELECT count(*) > 0 AS some_carry_none FROM subjects WHERE subjects = '{}';

CALL visclf.train('many', 'subjects', label_column => 'subjects', key_column => 'id', split_column => 'valid',
	architecture => 'resnet20', image_size => 32, epochs => 2, batch_size => 8);
SELECT classes, multi_label, array_length(thresholds, 1) AS thresholds,
	(SELECT bool_and(t BETWEEN 0 AND 1) FROM unnest(thresholds) t) AS probabilities
FROM visclf.model WHERE name = 'many';
SELECT epoch, train_loss > 0 AS train_loss, valid_loss > 0 AS valid_loss, accuracy BETWEEN 0 AND 1 AS accuracy,
	f1_score BETWEEN 0 AND 1 AS f1_score
FROM visclf.training_log WHERE model = 'many' ORDER BY epoch;

-- validation images: their labels, and those whose probability reaches the threshold
SELECT count(*) = (SELECT count(subjects) FROM subjects WHERE valid) AS all_of_them,
	bool_and(v.label IS NULL AND v.predicted IS NULL) AS no_single_label,
	bool_and(v.labels <@ s.subjects AND s.subjects <@ v.labels AND cardinality(v.labels) <= 2) AS labels,
	bool_and(v.predicted_labels = ARRAY(SELECT m.classes[i] FROM generate_subscripts(m.classes, 1) i
		WHERE v.probabilities[i] >= m.thresholds[i] ORDER BY i)) AS predicted,
	abs(avg(v.loss) - max((m.metrics ->> 'valid_loss')::float8)) < 1e-4 AS loss
FROM visclf.validation v JOIN visclf.model m USING (model_id) JOIN subjects s ON s.id::text = v.key
WHERE m.name = 'many';

-- accuracy and F1 at 0.5, worked out from the rows
WITH judged AS (
	SELECT m.metrics, m.classes[i] AS class, m.classes[i] = ANY (v.labels) AS carried, v.probabilities[i] >= 0.5 AS said
	FROM visclf.validation v JOIN visclf.model m USING (model_id), generate_subscripts(m.classes, 1) i WHERE m.name = 'many'),
by_class AS (
	SELECT class, coalesce(2.0 * count(*) FILTER (WHERE carried AND said)
		/ nullif(count(*) FILTER (WHERE carried) + count(*) FILTER (WHERE said), 0), 0) AS f1 FROM judged GROUP BY class)
SELECT abs((SELECT avg((carried = said)::int) FROM judged) - (m.metrics ->> 'accuracy')::float8) < 1e-6 AS accuracy,
	abs((SELECT avg(f1) FROM by_class) - (m.metrics ->> 'f1_score')::float8) < 1e-6 AS f1_score
FROM visclf.model m WHERE m.name = 'many';

-- predictions: the labels, and the likeliest of them; classify_batch says the same
SELECT count(*), bool_and(p.labels = ARRAY(SELECT m.classes[i] FROM generate_subscripts(m.classes, 1) i
		WHERE p.probabilities[i] >= m.thresholds[i] ORDER BY i)) AS labels,
	bool_and((p.label IS NULL) = (p.labels = '{}')) AS no_label_where_none,
	bool_and(p.label IS NULL OR (p.label = ANY (p.labels) AND p.confidence = p.probabilities[array_position(m.classes, p.label)]
		AND p.confidence = (SELECT max(p.probabilities[array_position(m.classes, l)]) FROM unnest(p.labels) l))) AS likeliest
FROM subjects s CROSS JOIN LATERAL visclf.classify('many', s.image) p JOIN visclf.model m USING (model_id);
SELECT count(*), bool_and((b.p).labels = (visclf.classify('many', b.image)).labels) AS same
FROM (SELECT image, visclf.classify_batch('many', image) OVER () AS p FROM subjects) b;

-- other thresholds are an import away; a model of one label each has none
SELECT visclf.import_model('strict', visclf.export_model('many'), thresholds => '{1,1,1}') > 0 AS imported;
SELECT count(*) FILTER (WHERE p.label IS NOT NULL) AS labelled, count(*) FILTER (WHERE p.labels = '{}') = count(*) AS none
FROM subjects s CROSS JOIN LATERAL visclf.classify('strict', s.image) p;
SELECT a.classes = b.classes AND a.multi_label AND b.multi_label AS alike FROM visclf.model a, visclf.model b
WHERE a.name = 'many' AND b.name = 'strict';
SELECT cardinality((p).labels) FROM (SELECT visclf.classify('small', image) AS p FROM adverts WHERE id = 1) x
WHERE (p).labels = ARRAY[(p).label];

-- a probe, weighed; trained further, the head is kept
CALL visclf.train('many', 'subjects', label_column => 'subjects', split_column => 'valid',
	pretrained => 'many', method => 'probe', balance => 'weight');
CALL visclf.train('many', 'subjects', label_column => 'subjects', split_column => 'valid',
	pretrained => 'many', epochs => 1, batch_size => 8);
SELECT version, active, f1_score IS NOT NULL AS f1_score FROM visclf.models WHERE model = 'many' ORDER BY version;

-- arrays of other types; one class is enough
CREATE VIEW numbers AS SELECT image, CASE WHEN subjects <> '{}' THEN ARRAY[7] ELSE '{}' END AS label FROM subjects WHERE subjects IS NOT NULL;
CALL visclf.train('numbers', 'numbers', architecture => 'resnet20', image_size => 16, epochs => 1, validation_share => 0.4);
SELECT classes FROM visclf.model WHERE name = 'numbers';

-- a training whose weights run away ends with an error, as with one label an image
CALL visclf.train('away', 'subjects', label_column => 'subjects', split_column => 'valid', architecture => 'resnet20',
	image_size => 16, epochs => 3, learning_rate => 99.9, weight_decay => 1, batch_size => 128);
-- int8 was found for other thresholds
SELECT activation_ranges IS NULL AS forgotten FROM visclf.model WHERE name = 'strict';
