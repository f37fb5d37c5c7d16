-- classify_batch as a window function says of every row what classify says.
SET client_min_messages = warning;
SET visclf.batch_size = 7;
CREATE TEMP TABLE alone AS
SELECT a.id, p AS prediction FROM adverts a CROSS JOIN LATERAL visclf.classify('small', a.image) p;
CREATE FUNCTION pg_temp.alike(a visclf.prediction, b visclf.prediction) RETURNS boolean LANGUAGE sql AS $$
	SELECT (a.label, a.labels, a.model_id, a.error) IS NOT DISTINCT FROM (b.label, b.labels, b.model_id, b.error)
	   AND abs(a.confidence - b.confidence) < 1e-4 $$;

-- whole tables, orders, partitions of all sizes, frames
SELECT count(*), count(*) FILTER (WHERE pg_temp.alike(p, prediction)) AS alike
FROM (SELECT id, visclf.classify_batch('small', image) OVER () AS p FROM adverts) b JOIN alone USING (id);
SELECT count(*), count(*) FILTER (WHERE pg_temp.alike(p, prediction)) AS alike
FROM (SELECT id, visclf.classify_batch('small', image) OVER (ORDER BY id DESC) AS p FROM adverts) b JOIN alone USING (id);
SELECT count(*), count(*) FILTER (WHERE pg_temp.alike(p, prediction)) AS alike
FROM (SELECT id, visclf.classify_batch('small', image) OVER (PARTITION BY place, id % 3 ORDER BY published) AS p FROM adverts) b JOIN alone USING (id);
SELECT count(*), count(*) FILTER (WHERE pg_temp.alike(p, prediction)) AS alike
FROM (SELECT id, visclf.classify_batch('small', image) OVER (PARTITION BY id) AS p FROM adverts) b JOIN alone USING (id);
SELECT count(*), count(*) FILTER (WHERE pg_temp.alike(p, prediction)) AS alike
FROM (SELECT id, visclf.classify_batch('small', image) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS p FROM adverts) b JOIN alone USING (id);

-- limits, before and after
SELECT count(*), count(*) FILTER (WHERE pg_temp.alike(p, prediction)) AS alike
FROM (SELECT id, visclf.classify_batch('small', image) OVER (ORDER BY id) AS p FROM adverts LIMIT 17 OFFSET 5) b JOIN alone USING (id);

-- two calls in one query, NULLs and bad images among the rows
CREATE TEMP TABLE mixed AS
SELECT id, CASE WHEN id % 5 = 0 THEN NULL WHEN id % 7 = 0 THEN 'bad'::bytea ELSE image END AS image FROM adverts WHERE id <= 60;
SELECT count(*), count(p) AS answers, bool_and(pg_temp.alike(p, s) OR (p IS NULL AND s IS NULL)) AS alike, bool_and(q IS NOT DISTINCT FROM p) AS both
FROM (SELECT visclf.classify_batch('small', image) OVER () AS p, visclf.classify_batch('small', image) OVER w AS q,
		visclf.classify('small', image) AS s FROM mixed WINDOW w AS ()) b;

-- a cursor that goes back and forth
BEGIN;
DECLARE c SCROLL CURSOR FOR
SELECT b.id, pg_temp.alike(p, prediction) AS alike
FROM (SELECT id, visclf.classify_batch('small', image) OVER (ORDER BY id) AS p FROM adverts) b JOIN alone USING (id) ORDER BY b.id;
FETCH 2 FROM c;
MOVE 20 FROM c;
FETCH BACKWARD 3 FROM c;
FETCH ABSOLUTE 150 FROM c;
FETCH FIRST FROM c;
FETCH LAST FROM c;
COMMIT;

-- scanned again in a nested loop, each time with other rows
SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off; SET enable_memoize = off;
SELECT count(*), count(*) FILTER (WHERE pg_temp.alike(b.p, prediction)) AS alike
FROM generate_series(0, 4) g CROSS JOIN LATERAL
	(SELECT id, visclf.classify_batch('small', image) OVER () AS p FROM adverts WHERE id % 5 = g AND id <= 80) b JOIN alone USING (id);
RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_material; RESET enable_memoize;

-- in a subtransaction that is rolled back, and after it
BEGIN;
SAVEPOINT s;
SELECT count((p).label) FROM (SELECT visclf.classify_batch('small', image) OVER () AS p FROM adverts) b;
SELECT count(1 / (id - 100)) FROM (SELECT id, visclf.classify_batch('small', image) OVER (ORDER BY id) AS p FROM adverts) b WHERE (p).label IS NOT NULL;
ROLLBACK TO s;
SELECT count((p).label) FROM (SELECT visclf.classify_batch('small', image) OVER () AS p FROM adverts) b;
COMMIT;
RESET visclf.batch_size;
