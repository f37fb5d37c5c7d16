-- Classifying: one image, many images, embedding; what is not an image.
SELECT p.label IN ('illustrations', 'text-only') AS label, p.confidence BETWEEN 0.5 AND 1 AS confidence,
	array_length(p.probabilities, 1) AS probabilities,
	p.confidence = (SELECT max(x) FROM unnest(p.probabilities) x) AS is_max,
	p.model_id = (SELECT model_id FROM visclf.models WHERE model = 'small' AND active) AS version, p.error
FROM adverts, visclf.classify('small', image) p WHERE id = 1;
SELECT visclf.classify('small', NULL) IS NULL AS null_image, visclf.classify(NULL, image) IS NULL AS null_model
FROM adverts WHERE id = 1;
SELECT p.label, p.confidence, p.probabilities, p.error FROM visclf.classify('small', 'no image') p;

-- the window function says what the scalar function says
CREATE TABLE scalar AS SELECT id, visclf.classify('small', image) AS p FROM adverts;
CREATE FUNCTION near(a visclf.prediction, b visclf.prediction) RETURNS boolean LANGUAGE sql
RETURN (a IS NULL) = (b IS NULL) AND (a.error IS NULL) = (b.error IS NULL)
	AND (a.error IS NOT NULL OR a IS NULL
		 OR (SELECT max(abs(x - y)) FROM unnest(a.probabilities, b.probabilities) u(x, y)) < 1e-3);
CREATE VIEW batch AS SELECT id, visclf.classify_batch('small', image) OVER () AS p FROM adverts;
SELECT count(*), count(*) FILTER (WHERE near(s.p, b.p)) AS near FROM scalar s JOIN batch b USING (id);
SELECT count(*), count(*) FILTER (WHERE near(s.p, b.p)) AS near FROM scalar s JOIN
	(SELECT id, visclf.classify_batch('small', image) OVER (PARTITION BY place ORDER BY published) AS p FROM adverts) b USING (id);
SET visclf.batch_size = 7;
SELECT count(*), count(*) FILTER (WHERE near(s.p, b.p)) AS near FROM scalar s JOIN batch b USING (id);
SET visclf.threads = 1;
SELECT count(*), count(*) FILTER (WHERE near(s.p, b.p)) AS near FROM scalar s JOIN batch b USING (id);
RESET visclf.threads;
RESET visclf.batch_size;

-- with NULLs and damaged images between
SELECT id % 4 AS kind, count(*), count((p).label) AS labelled, count((p).error) AS errors,
	count(*) FILTER (WHERE p IS NULL) AS nulls
FROM (SELECT id, visclf.classify_batch('small',
			CASE id % 4 WHEN 0 THEN NULL WHEN 1 THEN 'no image'::bytea ELSE image END) OVER (ORDER BY id) AS p
	  FROM adverts) x
GROUP BY 1 ORDER BY 1;
SELECT count(*), count(p) FROM (SELECT visclf.classify_batch('small', NULL) OVER () AS p FROM adverts) x;
SELECT count(*), count(p) FROM (SELECT visclf.classify_batch(NULL, image) OVER () AS p FROM adverts) x;
SELECT count(*) FROM (SELECT visclf.classify_batch('small', image) OVER () AS p FROM adverts WHERE false) x;

-- LIMIT, a cursor that goes back, a rescan
SELECT id, (p).error FROM (SELECT id, visclf.classify_batch('small', image) OVER (ORDER BY id) AS p FROM adverts) x LIMIT 3;
BEGIN;
DECLARE c SCROLL CURSOR FOR
	SELECT b.id, near(s.p, b.p) FROM (SELECT id, visclf.classify_batch('small', image) OVER (ORDER BY id) AS p FROM adverts) b
	JOIN scalar s USING (id) ORDER BY b.id;
FETCH 3 FROM c;
FETCH BACKWARD 2 FROM c;
FETCH 2 FROM c;
COMMIT;
SELECT d.decade, count(*), count(*) FILTER (WHERE near(x.p, s.p)) AS near
FROM generate_series(1850, 1890, 20) d(decade)
CROSS JOIN LATERAL (SELECT id, visclf.classify_batch('small', image) OVER (ORDER BY id) AS p
					FROM adverts WHERE id % 7 = d.decade % 7) x
JOIN scalar s USING (id) GROUP BY 1 ORDER BY 1;

-- the model must be one for all rows
SELECT visclf.classify_batch(newspaper, image) OVER () FROM adverts;

-- a prepared statement finds the version that is active when it runs
PREPARE ask(text) AS SELECT (p).model_id FROM adverts, visclf.classify($1, image) p WHERE id = 1;
CREATE TABLE asked AS EXECUTE ask('small');
SET client_min_messages = warning;
CALL visclf.train('small', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1);
RESET client_min_messages;
CREATE TABLE asked_again AS EXECUTE ask('small');
SELECT a.model_id < b.model_id AS newer FROM asked a, asked_again b;
CALL visclf.activate('small', 1);

-- a version that was rolled back is not asked again, though one statement does it all
CREATE FUNCTION label_of(picture bytea) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN (visclf.classify('rolled back', picture)).label IS NOT NULL;
END $$;
DO $$
DECLARE
	picture bytea := image FROM adverts WHERE id = 1;
BEGIN
	BEGIN
		PERFORM visclf.import_model('rolled back', visclf.export_model('small'));
		RAISE EXCEPTION 'answered: %', label_of(picture);
	EXCEPTION WHEN raise_exception THEN
		RAISE INFO '%', SQLERRM;
	END;
	RAISE INFO 'still answered: %', label_of(picture);
EXCEPTION WHEN undefined_object THEN
	RAISE INFO '%', SQLERRM;
END $$;

-- embedding: the pooled features, 2 x 64 for resnet20 with the concat head
SELECT array_length(visclf.embed('small', image), 1) AS features FROM adverts WHERE id = 1;
SELECT visclf.embed('small', 'no image') IS NULL AS no_features;

-- parallel workers, as many as the table's owner wants, answer alike
SET max_parallel_workers_per_gather = 2;
ALTER TABLE adverts SET (parallel_workers = 2);
EXPLAIN (COSTS off) SELECT id, visclf.classify('small', image) FROM adverts;
SELECT count(*), count(*) FILTER (WHERE near(s.p, b.p)) AS near
FROM scalar s JOIN (SELECT id, visclf.classify('small', image) AS p FROM adverts OFFSET 0) b USING (id);
ALTER TABLE adverts RESET (parallel_workers);
