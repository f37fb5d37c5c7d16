-- Parallel workers for tables of images, whose bytes the planner does not see.
CREATE FUNCTION workers(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	RETURN coalesce(jsonb_path_query_first(plan, '$.**."Workers Planned"')::int, 0);
END $$;
-- what there is to expect: none on a machine of one core
CREATE TABLE expected AS SELECT least(threads - 1, 1) AS workers FROM visclf.devices() WHERE device = 'cpu';
CREATE TABLE handful AS SELECT * FROM adverts WHERE id <= 40;
CREATE TABLE parts (id int, image bytea) PARTITION BY HASH (id);
CREATE TABLE part_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE part_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT id, image FROM adverts;
CREATE TABLE owned AS SELECT * FROM adverts;
ALTER TABLE owned SET (parallel_workers = 0);
ANALYZE adverts, handful, parts, owned;

-- in the first query of a session
\c -
SET max_parallel_workers_per_gather = 1;
SELECT workers($$SELECT count((visclf.classify('small', image)).label) FROM adverts$$) = workers FROM expected;

-- wherever the call is written
SELECT query, workers(query) = workers AS as_expected FROM expected, (VALUES
	($$SELECT id, (visclf.classify('small', image)).* FROM adverts$$),
	($$SELECT id, p.label FROM adverts, visclf.classify('small', image) p$$),
	($$SELECT id, p.label FROM adverts LEFT JOIN LATERAL visclf.classify('small', image) p ON true$$),
	($$SELECT place, count(*) FROM adverts WHERE (visclf.classify('small', image)).label = 'text-only' GROUP BY 1$$),
	($$SELECT e.id, p.label FROM expected x, adverts e, visclf.classify('small', e.image) p WHERE x.workers < e.id$$),
	($$SELECT count(*) FROM (SELECT p.label FROM adverts, visclf.classify('small', image) p) x$$),
	($$SELECT id, visclf.embed('small', image) FROM adverts$$),
	($$SELECT place, visclf.corrected_share('small', p.label, 'illustrations') FROM adverts, visclf.classify('small', image) p GROUP BY 1$$),
	($$SELECT id, p.label FROM parts, visclf.classify('small', image) p$$)) q(query);

-- but not where it is not, where it is not worth it, or where the owner or the device is against it
SELECT query, workers(query) FROM (VALUES
	($$SELECT count(*) FROM adverts$$),
	($$SELECT a.id, visclf.classify('small', h.image) FROM adverts a JOIN handful h USING (id)$$),
	($$SELECT id, p.label FROM handful, visclf.classify('small', image) p$$),
	($$SELECT id, p.label FROM adverts, visclf.classify('small', image) p WHERE id = 7$$),
	($$SELECT id, p.label FROM owned, visclf.classify('small', image) p$$),
	($$SELECT id, visclf.classify_batch('small', image) OVER () FROM adverts$$)) q(query);
-- nor where a relation is read that may be of this session alone, or a view that runs anything
CREATE TEMP TABLE mine AS SELECT * FROM handful;
CREATE TABLE many_rows AS SELECT g AS i FROM generate_series(1, 100000) g;
ANALYZE many_rows;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT query, workers(query) FROM (VALUES
	($$SELECT count(*) FROM many_rows$$),
	($$SELECT count(*) FROM many_rows JOIN visclf.evaluate('small', 'mine') e ON i = e.images$$),
	($$SELECT count(*) FROM many_rows WHERE i < length(visclf.contact_sheet('mine'))$$)) q(query);
SELECT count(*) FROM many_rows JOIN visclf.evaluate('small', 'mine') e ON i = e.images;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
SELECT DISTINCT proname, proparallel FROM pg_proc WHERE pronamespace = 'visclf'::regnamespace AND prokind IN ('f', 'a', 'w')
	AND prorettype NOT IN ('trigger'::regtype, 'internal'::regtype) AND proparallel <> 's' ORDER BY 2, 1;
SET visclf.device = cuda;
SELECT workers($$SELECT id, p.label FROM adverts, visclf.classify('small', image) p$$);
RESET visclf.device;

-- workers say what one process says
SELECT count(*), count(*) FILTER (WHERE near(s.p, b.p)) AS near FROM scalar s JOIN
	(SELECT id, p FROM adverts, visclf.classify('small', image) p OFFSET 0) b USING (id);
RESET max_parallel_workers_per_gather;
DROP TABLE expected, handful, parts, owned, mine, many_rows;
DROP FUNCTION workers;
