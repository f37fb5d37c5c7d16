-- How many images are of each class, corrected for the model's errors.
SET client_min_messages = warning;
-- a model that finds 80 of 100 pictures, and takes 10 of 100 texts for one
BEGIN;
SELECT visclf.import_model('counter', visclf.export_model('small'), classes => '{pic,text}') AS counter \gset
INSERT INTO visclf.validation (model_id, row_number, label, predicted, probabilities, loss)
SELECT :counter, n, label, CASE WHEN p > 0.5 THEN 'pic' ELSE 'text' END, ARRAY[p, 1 - p], 0
FROM (SELECT n, CASE WHEN n <= 100 THEN 'pic' ELSE 'text' END AS label,
		CASE WHEN n <= 80 OR n > 190 THEN 0.8 ELSE 0.1 END AS p FROM generate_series(1, 200) n) x;
CREATE TABLE counted (year int, place text, label text, probabilities real[], model_id int, error text);
-- true shares are 0.2 and 0.6; a small place, one whose images all failed, one of which some did
INSERT INTO counted
SELECT year, 'Łódź', CASE WHEN p > 0.5 THEN 'pic' ELSE 'text' END, ARRAY[p, 1 - p], :counter, NULL
FROM (SELECT year, CASE WHEN n <= 1000 * (0.1 + 0.7 * share) THEN 0.8 ELSE 0.1 END AS p
	  FROM (VALUES (1900, 0.2), (1910, 0.6)) y(year, share), generate_series(1, 1000) n) x;
INSERT INTO counted SELECT 1900, 'a "b" <c>', 'pic', '{0.8,0.2}', :counter, NULL FROM generate_series(1, 5);
INSERT INTO counted SELECT 1900, NULL, NULL, NULL, :counter, 'not a JPEG' FROM generate_series(1, 3);
INSERT INTO counted VALUES (1910, 'Łódź', NULL, NULL, :counter, 'image is NULL'), (1910, 'Łódź', 'pic', '{0.8,0.2}', :counter, 'left over');

SELECT groups, class, images, failed, raw_share::numeric(5, 3) AS raw, share::numeric(5, 3), low::numeric(5, 2), high::numeric(5, 2), estimate::numeric(7, 2), warning
FROM visclf.prevalence('counter', 'counted', '{year,place}');
SELECT groups, class, images, failed, raw_share::numeric(5, 3) AS raw, share::numeric(5, 3), low::numeric(5, 2), high::numeric(5, 2)
FROM visclf.prevalence('counter', 'counted');
-- every method; emq takes the probabilities at their word, and these are not calibrated
SELECT method, groups ->> 'year' AS year, p.share::numeric(5, 3), p.low < p.share AND p.share < p.high AS inside, (p.high - p.low)::numeric(5, 2) AS width
FROM unnest('{cc,pcc,acc,pacc,emq}'::text[]) method,
	visclf.prevalence('counter', 'counted', '{year,place}', method) p WHERE p.class = 'pic' AND p.groups ->> 'place' = 'Łódź';
-- the seed and the confidence
SELECT count(DISTINCT low) AS seeds FROM unnest('{1,2,1}'::bigint[]) s, visclf.prevalence('counter', 'counted', seed => s) p WHERE class = 'pic';
SELECT bool_and(a.high - a.low < b.high - b.low) AS narrower
FROM visclf.prevalence('counter', 'counted', '{year}', confidence => 0.5) a JOIN visclf.prevalence('counter', 'counted', '{year}') b USING (groups, class);
SELECT share::numeric(5, 3), low, high FROM visclf.prevalence('counter', 'counted', resamples => 0) WHERE class = 'pic';
-- other columns, no error column, no rows
CREATE VIEW renamed AS SELECT year AS g0, label AS said, probabilities AS sure FROM counted WHERE error IS NULL;
SELECT groups, method, share::numeric(5, 3) FROM unnest('{acc,pacc}'::text[]) method,
	visclf.prevalence('counter', 'renamed', '{g0}', method, label_column => 'said', probabilities_column => 'sure') WHERE class = 'pic';
CREATE VIEW empty AS SELECT * FROM counted WHERE false;
SELECT count(*) FROM visclf.prevalence('counter', 'empty', '{year}');

-- the aggregate says the same
SELECT p.groups, (c.c).share = p.share AND (c.c).low = p.low AND (c.c).high = p.high AND (c.c).failed = p.failed AND (c.c).warning IS NOT DISTINCT FROM p.warning AS same
FROM (SELECT year, visclf.corrected_share('counter', CASE WHEN error IS NULL THEN label END, 'pic') AS c FROM counted GROUP BY year) c
JOIN visclf.prevalence('counter', 'counted', '{year}') p ON p.groups = jsonb_build_object('year', c.year) AND p.class = 'pic' ORDER BY 1;
SELECT method, (c.c).share = p.share AND (c.c).low = p.low AND (c.c).high = p.high AS same
FROM (SELECT method, visclf.corrected_share('counter', said, 'text', method, sure) AS c FROM renamed, unnest('{cc,pcc,acc,pacc,emq}'::text[]) method GROUP BY method) c,
	LATERAL visclf.prevalence('counter', 'renamed', method => c.method, label_column => 'said', probabilities_column => 'sure') p
WHERE p.class = 'text' ORDER BY method;
SELECT (visclf.corrected_share('counter', label, 'pic')).* FROM empty;
-- with queries of others between its groups
CREATE FUNCTION busy(value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	names text;
BEGIN
	SELECT string_agg(repeat('x', 300) || c.relname || value, ',') INTO names FROM pg_class c;
	RETURN left(names, 1) || value;
END $$;
SELECT count(*), bool_and(c.c = d.c) AS same
FROM (SELECT year, busy(year::text), visclf.corrected_share('counter', label, 'pic') AS c FROM counted GROUP BY year HAVING busy(year::text) > '') c
JOIN (SELECT year, visclf.corrected_share('counter', label, 'pic') AS c FROM counted GROUP BY year) d USING (year);

-- what is wrong
\set VERBOSITY terse
SAVEPOINT s;
SELECT * FROM visclf.prevalence('counter', 'counted', '{nowhere}'); ROLLBACK TO s;
SELECT * FROM visclf.prevalence('counter', 'counted', '{NULL}'); ROLLBACK TO s;
SELECT * FROM visclf.prevalence('counter', 'counted', NULL); ROLLBACK TO s;
SELECT * FROM visclf.prevalence('counter', 'counted', method => 'em'); ROLLBACK TO s;
SELECT * FROM visclf.prevalence('counter', 'counted', confidence => 95); ROLLBACK TO s;
SELECT * FROM visclf.prevalence('counter', 'counted', resamples => -1); ROLLBACK TO s;
\set VERBOSITY sqlstate
SELECT * FROM visclf.prevalence('counter', 'counted', label_column => 'place'); ROLLBACK TO s;
\set VERBOSITY terse
SELECT * FROM visclf.prevalence('counter', 'counted', method => 'pcc', probabilities_column => 'label'); ROLLBACK TO s;
SELECT * FROM visclf.prevalence('nobody', 'counted'); ROLLBACK TO s;
SELECT * FROM visclf.prevalence('many', 'counted'); ROLLBACK TO s;
SELECT * FROM visclf.prevalence('named', 'renamed', label_column => 'said'); ROLLBACK TO s;
SELECT visclf.corrected_share('counter', label, 'picture') FROM counted; ROLLBACK TO s;
SELECT visclf.corrected_share('counter', label, place) FROM counted; ROLLBACK TO s;
SELECT visclf.corrected_share(CASE WHEN year = 1900 THEN 'counter' ELSE 'small' END, label, 'pic') FROM counted; ROLLBACK TO s;
UPDATE counted SET probabilities = '{0.8,0.8}' WHERE year = 1910;
SELECT * FROM visclf.prevalence('counter', 'counted', method => 'pcc'); ROLLBACK TO s;
UPDATE counted SET probabilities = '{0.8,NaN}' WHERE year = 1910;
SELECT * FROM visclf.prevalence('counter', 'counted', method => 'pcc'); ROLLBACK TO s;
UPDATE counted SET model_id = 0 WHERE place IS NULL;
\set VERBOSITY sqlstate
SELECT * FROM visclf.prevalence('counter', 'counted'); ROLLBACK TO s;
\set VERBOSITY terse
-- a classifier that guesses, and a class that was hardly ever held out
DELETE FROM visclf.validation WHERE model_id = :counter AND label = 'text' AND predicted = 'text';
SELECT class, warning FROM visclf.prevalence('counter', 'counted');
DELETE FROM visclf.validation WHERE model_id = :counter AND label = 'text';
SELECT class, warning FROM visclf.prevalence('counter', 'counted');
ROLLBACK;
