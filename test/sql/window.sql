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

-- how many rows of a query (id, prediction) there are and how many are as classify says
CREATE FUNCTION pg_temp.check_rows(query text, OUT rows bigint, OUT alike bigint, OUT ids bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT count(*), count(*) FILTER (WHERE pg_temp.alike(s.prediction, b.p)), count(DISTINCT b.id)
		FROM (%s) b(id, p) LEFT JOIN alone s USING (id)', query) INTO rows, alike, ids;
END $$;

-- neighbours' answers are told apart
SELECT count(*) FILTER (WHERE pg_temp.alike(s.prediction, t.prediction)) < 10 AS few FROM alone s JOIN alone t ON t.id = s.id + 1;

-- rows of equal order, groups, several windows in one query
SELECT * FROM pg_temp.check_rows($$SELECT id, visclf.classify_batch('small', image) OVER (ORDER BY place) FROM adverts$$);
SELECT * FROM pg_temp.check_rows($$SELECT id, visclf.classify_batch('small', image) OVER (ORDER BY place GROUPS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) FROM adverts$$);
SELECT * FROM pg_temp.check_rows($$SELECT id, b FROM (SELECT id, visclf.classify_batch('small', image) OVER (ORDER BY id) AS a,
	visclf.classify_batch('small', image) OVER (PARTITION BY place) AS b, lag(image, 2) OVER (ORDER BY id), sum(id) OVER (ORDER BY id)
	FROM adverts) x WHERE pg_temp.alike(a, b)$$);

-- partitions of 1 to 17 rows, around the ends of batches
SELECT * FROM pg_temp.check_rows($$SELECT id, visclf.classify_batch('small', image) OVER (PARTITION BY floor(sqrt(2 * id)) ORDER BY id) FROM adverts$$);
SET visclf.batch_size = 1;
SELECT * FROM pg_temp.check_rows($$SELECT id, visclf.classify_batch('small', image) OVER (PARTITION BY place) FROM adverts$$);
SET visclf.batch_size = 1000;
SELECT * FROM pg_temp.check_rows($$SELECT id, visclf.classify_batch('small', image) OVER (PARTITION BY place) FROM adverts$$);
SET visclf.batch_size = 7;

-- queries that stop early, skip rows, or ask for few of a partition
SELECT n, c.* FROM unnest(ARRAY[0, 1, 3, 4, 5, 12, 13, 31, 159, 160, 161]) n, LATERAL pg_temp.check_rows(format(
	$$SELECT id, visclf.classify_batch('small', image) OVER (ORDER BY id) FROM adverts LIMIT %s$$, n)) c;
SELECT * FROM pg_temp.check_rows($$SELECT id, p FROM (SELECT id, row_number() OVER w AS n, visclf.classify_batch('small', image) OVER w AS p
	FROM adverts WINDOW w AS (PARTITION BY place ORDER BY id)) x WHERE n <= 6$$);
SELECT * FROM pg_temp.check_rows($$SELECT id, p FROM (SELECT id, row_number() OVER (ORDER BY id) AS n,
	visclf.classify_batch('small', image) OVER (ORDER BY id) AS p FROM adverts) x WHERE n <= 10$$);
SELECT * FROM pg_temp.check_rows($$SELECT DISTINCT ON (place) id, visclf.classify_batch('small', image) OVER (PARTITION BY place ORDER BY id) FROM adverts ORDER BY place, id$$);

-- a row of another query for each of this one
SELECT * FROM pg_temp.check_rows($$SELECT o.id, (SELECT b.p FROM (SELECT id, visclf.classify_batch('small', image) OVER (ORDER BY id) AS p
	FROM adverts WHERE place = o.place) b WHERE b.id = o.id) FROM adverts o WHERE o.id % 9 = 0$$);
SET enable_material = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_memoize = off;
CREATE FUNCTION pg_temp.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
		CONTINUE WHEN line ~ 'Window: ';	-- since PostgreSQL 18
		RETURN NEXT line;
	END LOOP;
END $$;
SELECT * FROM pg_temp.plan($$SELECT b.id, b.p FROM generate_series(1, 3) g
	LEFT JOIN (SELECT id, visclf.classify_batch('small', image) OVER (ORDER BY id) AS p FROM adverts WHERE id <= 30) b ON b.id % 3 <> g % 3$$);
SELECT * FROM pg_temp.check_rows($$SELECT b.id, b.p FROM generate_series(1, 3) g
	LEFT JOIN (SELECT id, visclf.classify_batch('small', image) OVER (ORDER BY id) AS p FROM adverts WHERE id <= 30) b ON b.id % 3 <> g % 3$$);
RESET enable_material;
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_memoize;

-- cursors, back and forth; what happens between does not disturb them
CREATE TEMP VIEW in_order AS SELECT id, pg_temp.alike(p, (SELECT s.prediction FROM alone s WHERE s.id = x.id)) AS alike
FROM (SELECT id, visclf.classify_batch('small', image) OVER (ORDER BY id) AS p FROM adverts) x;
CREATE FUNCTION pg_temp.walk(c refcursor, places int[], change text DEFAULT NULL, OUT fetched int, OUT alike int, OUT in_place int) LANGUAGE plpgsql AS $$
DECLARE
	place int;
	r record;
BEGIN
	fetched := 0; alike := 0; in_place := 0;
	FOREACH place IN ARRAY places LOOP
		FETCH ABSOLUTE place FROM c INTO r;
		IF FOUND THEN
			fetched := fetched + 1; alike := alike + r.alike::int;
			in_place := in_place + (r.id = CASE WHEN place < 0 THEN 161 + place ELSE place END)::int;
		END IF;
		IF change IS NOT NULL THEN
			EXECUTE change;
		END IF;
	END LOOP;
END $$;
BEGIN;
DECLARE back SCROLL CURSOR FOR SELECT * FROM in_order;
FETCH 2 FROM back;
FETCH BACKWARD 2 FROM back;
MOVE 20 FROM back;
FETCH BACKWARD 2 FROM back;
FETCH LAST FROM back;
FETCH FIRST FROM back;
SELECT * FROM pg_temp.walk('back', ARRAY[1, 2, 5, 30, 29, 3, 160, 161, 1, 77, -1, -160]);
CLOSE back;
DECLARE a NO SCROLL CURSOR FOR SELECT * FROM in_order;
SELECT * FROM pg_temp.walk('a', ARRAY(SELECT generate_series(1, 40)));
SELECT * FROM pg_temp.walk('a', ARRAY(SELECT generate_series(41, 60)), 'SELECT count(*) FROM in_order WHERE id < 5');
SET LOCAL visclf.threads = 1;
SELECT * FROM pg_temp.walk('a', ARRAY(SELECT generate_series(61, 80)));
SET LOCAL visclf.batch_size = 3;
SELECT * FROM pg_temp.walk('a', ARRAY(SELECT generate_series(81, 100)));
SET LOCAL visclf.max_cached_models = 1;
SET LOCAL visclf.threads = 2;
SELECT * FROM pg_temp.walk('a', ARRAY(SELECT generate_series(101, 120)), 'SELECT visclf.embed(''small'', image) FROM adverts WHERE id = 1');
CALL visclf.activate('small', 2);
SELECT * FROM pg_temp.walk('a', ARRAY(SELECT generate_series(121, 140)));
CALL visclf.activate('small', 1);
SAVEPOINT s;
SELECT count(1 / (id - 100)) FROM in_order WHERE alike;
ROLLBACK TO s;
SELECT * FROM pg_temp.walk('a', ARRAY(SELECT generate_series(141, 161)));
COMMIT;
BEGIN;
DECLARE held SCROLL CURSOR WITH HOLD FOR SELECT * FROM in_order;
FETCH 1 FROM held;
COMMIT;
SELECT * FROM pg_temp.walk('held', ARRAY[160, 2, 1, 161, 80]);
CLOSE held;

-- a query that fails after some rows, or is canceled: the next is right
CREATE FUNCTION pg_temp.fail(times int, OUT failed int) LANGUAGE plpgsql AS $$
BEGIN
	failed := 0;
	FOR i IN 1 .. times LOOP
		BEGIN
			PERFORM 1 / (id - 8 * i) FROM in_order;
		EXCEPTION
			WHEN division_by_zero THEN failed := failed + 1;
		END;
	END LOOP;
END $$;
SELECT * FROM pg_temp.fail(20);
SET statement_timeout = 10;
SELECT count(p) FROM (SELECT visclf.classify_batch('small', image) OVER () AS p FROM adverts, generate_series(1, 1000)) x;
SET statement_timeout = 57;
SELECT count(p) FROM (SELECT visclf.classify_batch('small', image) OVER (PARTITION BY id) AS p FROM adverts, generate_series(1, 1000)) x;
SET statement_timeout = 133;
SELECT count(p) FROM (SELECT visclf.classify('small', image) AS p FROM adverts, generate_series(1, 1000) OFFSET 0) x;
RESET statement_timeout;
SELECT count(*), count(*) FILTER (WHERE alike) AS alike FROM in_order;

-- rows that go somewhere else: into tables, through a join, sorted, from a function
CREATE TEMP TABLE kept (id bigint PRIMARY KEY, p visclf.prediction);
INSERT INTO kept SELECT id, visclf.classify_batch('small', image) OVER () FROM adverts WHERE id % 2 = 0;
UPDATE kept k SET p = b.p FROM (SELECT id, visclf.classify_batch('small', image) OVER (PARTITION BY place) AS p FROM adverts) b WHERE b.id = k.id;
SELECT * FROM pg_temp.check_rows('SELECT id, p FROM kept');
SELECT * FROM pg_temp.check_rows($$SELECT id, visclf.classify_batch('small', image) OVER () FROM adverts ORDER BY place, id DESC$$);
SELECT * FROM pg_temp.check_rows($$SELECT a.id, visclf.classify_batch('small', b.image) OVER () FROM adverts a JOIN adverts b ON b.id = a.id AND a.place = b.place$$);
CREATE FUNCTION pg_temp.through(name text) RETURNS TABLE (id bigint, p visclf.prediction) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY SELECT a.id, visclf.classify_batch(name, image) OVER (ORDER BY a.id) FROM adverts a;
END $$;
SELECT * FROM pg_temp.check_rows($$SELECT * FROM pg_temp.through('small')$$);
SELECT * FROM pg_temp.check_rows($$SELECT t.* FROM generate_series(1, 2), pg_temp.through('small') t$$);
PREPARE batch_of(text) AS SELECT count(*), count((p).label) FROM (SELECT visclf.classify_batch($1, image) OVER (PARTITION BY place) AS p FROM adverts) x;
SET plan_cache_mode = force_generic_plan;
EXECUTE batch_of('small');
EXECUTE batch_of(NULL);
RESET plan_cache_mode;

-- NULLs and what is no image, in whole batches and at their ends
CREATE TEMP TABLE spoilt AS SELECT id, CASE WHEN id BETWEEN 9 AND 30 THEN NULL WHEN id BETWEEN 50 AND 70 THEN 'no image'::bytea
	WHEN id % 8 = 0 THEN NULL WHEN id % 8 = 1 THEN '\xffd8'::bytea ELSE image END AS image FROM adverts;
SELECT count(*), count(*) FILTER (WHERE (b.p IS NULL) = (p IS NULL) AND (b.p).error IS NOT DISTINCT FROM p.error
	AND ((b.p).error IS NOT NULL OR b.p IS NULL OR pg_temp.alike(b.p, p))) AS same, count(p.error) AS errors, count(p.label) AS labels
FROM (SELECT id, image, visclf.classify_batch('small', image) OVER (ORDER BY id) AS p FROM spoilt) b
	LEFT JOIN LATERAL visclf.classify('small', b.image) p ON true;
RESET visclf.batch_size;
