-- How good a model is, from its validation images.
SET client_min_messages = warning;
SET visclf.precision = float32;

-- a model whose validation images are told here; the figures are scikit-learn 1.8's
BEGIN;
SELECT visclf.import_model('told', visclf.export_model('small'), classes => '{a,b}') AS told \gset
INSERT INTO visclf.validation (model_id, row_number, key, label, predicted, probabilities, loss)
SELECT :told, n, 'k' || n, given, said, ARRAY[p, 1 - p], -ln(CASE given WHEN 'a' THEN p ELSE 1 - p END)
FROM (SELECT n, CASE WHEN n <= 12 THEN 'a' ELSE 'b' END AS given,
		CASE WHEN n <= 9 OR n IN (20, 25) THEN 'a' ELSE 'b' END AS said,
		(CASE WHEN n <= 9 OR n IN (20, 25) THEN 0.55 + n * 0.012 ELSE 0.45 - n * 0.012 END)::real AS p
	FROM generate_series(1, 30) n) x;
SELECT * FROM visclf.confusion_matrix('told');
SELECT class, round(precision::numeric, 6) AS precision, round(precision_low::numeric, 6) AS low, round(precision_high::numeric, 6) AS high,
	round(recall::numeric, 6) AS recall, round(recall_low::numeric, 6) AS low, round(recall_high::numeric, 6) AS high,
	round(f1_score::numeric, 6) AS f1_score, support
FROM visclf.classification_report('told');
SELECT key, label, predicted, round(confidence::numeric, 4) AS confidence, round(loss::numeric, 4) AS loss FROM visclf.top_losses('told', 3);
SELECT bin, confidence_low AS low, confidence_high AS high, images, round(confidence::numeric, 4) AS confidence, round(accuracy::numeric, 4) AS accuracy
FROM visclf.calibration('told', 5);
ROLLBACK;

-- a trained one: the report's row of all images has its accuracy
SELECT abs(r.recall - m.accuracy) < 1e-6 AS accuracy, r.support = m.valid_images AS images
FROM visclf.models m, visclf.classification_report('small') r
WHERE m.model = 'small' AND m.active AND r.class = 'accuracy';
SELECT sum(images) = max(valid_images) AS images FROM visclf.confusion_matrix('small'), visclf.models m WHERE m.model = 'small' AND m.active;
SELECT sum(images) = max(valid_images) AS images FROM visclf.calibration('small'), visclf.models m WHERE m.model = 'small' AND m.active;

-- several labels an image: the report's macro average at 0.5 would be f1_score; thresholds are others
SELECT class, support > 0 AS given, recall BETWEEN recall_low AND recall_high AS recall_inside FROM visclf.classification_report('many') WHERE class !~ 'avg|accuracy';
SELECT count(*) AS rows, bool_and(loss >= lead) AS falling FROM (SELECT loss, coalesce(lead(loss) OVER (), 0) AS lead FROM visclf.top_losses('many', 4)) x;
SELECT sum(images) = 3 * (SELECT valid_images FROM visclf.models WHERE model = 'many' AND active) AS images_and_classes FROM visclf.calibration('many');
SELECT count(*) FROM visclf.confusion_matrix('many');

-- no validation images, no such model
SELECT class, precision, recall, f1_score, support FROM visclf.classification_report('named');
SELECT count(*) FROM visclf.confusion_matrix('named');
SELECT count(*) FROM visclf.top_losses('named');
SELECT count(*) FROM visclf.calibration('named');
SELECT count(*) FROM visclf.confusion_matrix('nobody');
SELECT count(*) FROM visclf.confusion_matrix(NULL);
SELECT visclf.active_version('nobody');
SELECT * FROM visclf.wilson_interval(9, 10);
SELECT * FROM visclf.wilson_interval(0, 0);
SELECT * FROM visclf.wilson_interval(0, 5);
SELECT bool_and(low = 0) AS low FROM generate_series(1, 1000) n, visclf.wilson_interval(0, n);
SELECT bool_and(high = 1) AS high FROM generate_series(1, 1000) n, visclf.wilson_interval(n, n);

\set SHOW_CONTEXT never
-- on labelled rows: of all those it was validated with, the stored figures
CREATE VIEW held_out AS
SELECT a.*, (extract(year FROM published)::int / 10) * 10 AS decade FROM adverts a
WHERE a.id::text IN (SELECT v.key FROM visclf.validation v JOIN visclf.models m USING (model_id) WHERE m.model = 'small' AND m.active);
SET visclf.precision = 'float32';
SELECT e.groups, e.images = m.valid_images AS images, e.failed, abs(e.accuracy - m.accuracy) < 1e-6 AS accuracy,
	abs(e.loss - m.valid_loss) < 1e-4 AS loss, (SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(e.per_class) k) AS classes
FROM visclf.evaluate('small', 'held_out') e, visclf.models m WHERE m.model = 'small' AND m.active;
SELECT (e.per_class -> r.class ->> 'f1_score')::float8 = r.f1_score AS f1_score, (e.per_class -> r.class ->> 'recall_low')::float8 = r.recall_low AS recall_low,
	(e.per_class -> r.class ->> 'support')::int = r.support AS support
FROM visclf.evaluate('small', 'held_out') e, visclf.classification_report('small') r WHERE e.per_class ? r.class;
RESET visclf.precision;
-- a row a group, in order, then all
BEGIN;
UPDATE adverts SET image = 'no image' WHERE id IN (2, 3);
UPDATE adverts SET image = NULL WHERE id = 5;
CREATE VIEW by_decade AS SELECT a.*, (extract(year FROM published)::int / 10) * 10 AS decade FROM adverts a;
WITH e AS (SELECT row_number() OVER () AS n, * FROM visclf.evaluate('small', 'by_decade', label_column => 'truth', by => '{decade}'))
SELECT groups, images + failed = (SELECT count(*) FROM by_decade WHERE groups = '{}' OR decade = (groups ->> 'decade')::int) AS all_rows,
	failed, accuracy BETWEEN accuracy_low AND accuracy_high AS inside, macro_f1 BETWEEN 0 AND 1 AS f1, loss < 20 AS loss
FROM e ORDER BY n;
ROLLBACK;
SELECT * FROM visclf.evaluate('small', 'adverts', label_column => 'place');
SELECT * FROM visclf.evaluate('small', 'adverts', by => '{published,nowhere}');
SELECT * FROM visclf.evaluate('small', 'adverts', image_column => 'place');
SELECT * FROM visclf.evaluate('small', 'adverts', label_column => 'truht');
SELECT * FROM visclf.evaluate('many', 'adverts');
-- predictions are no labels, but where somebody says so
CREATE TABLE predicted AS SELECT id, image, truth, (p).* FROM (SELECT a.*, visclf.classify_batch('small', image) OVER () AS p FROM adverts a) x;
CREATE VIEW of_predicted AS SELECT * FROM predicted;
CREATE VIEW labels_alone AS SELECT image, label FROM predicted;
SELECT * FROM visclf.evaluate('small', 'of_predicted');
CALL visclf.train('small', 'of_predicted');
CALL visclf.train('small', 'of_predicted', label_column => 'labels');
SELECT count(*) FROM visclf.lr_find('predicted');
SELECT groups, images FROM visclf.evaluate('small', 'of_predicted', label_column => 'truth');
SELECT groups, images, accuracy FROM visclf.evaluate('small', 'labels_alone');
DROP VIEW of_predicted, labels_alone;
DROP TABLE predicted;
DROP VIEW held_out;
