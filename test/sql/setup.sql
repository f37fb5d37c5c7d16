-- The extension, a table of adverts and a model, for the tests after it.
CREATE EXTENSION visclf;
SELECT extversion, nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace
WHERE extname = 'visclf';

CREATE TABLE adverts (id bigint PRIMARY KEY, newspaper text, place text,
	published date, label text, truth text, image bytea);
\copy adverts FROM PROGRAM 'build/adverts --count 160 --labelled 120 --seed 7'
SELECT count(*), count(label), count(image) FROM adverts;

-- every function, type, table and view says what it is
SELECT p.oid::regprocedure FROM pg_proc p
WHERE p.pronamespace = 'visclf'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL;
SELECT c.oid::regclass FROM pg_class c
WHERE c.relnamespace = 'visclf'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'c')
  AND coalesce(obj_description(c.oid, 'pg_class'), obj_description(c.reltype, 'pg_type')) IS NULL;

-- what can be computed on
SELECT device, index, usable, threads > 0 AS has_threads, library ~ '^oneDNN' AS is_onednn
FROM visclf.devices() WHERE device = 'cpu';
SELECT count(*) > 0 AS says_why FROM visclf.devices()
WHERE device = 'cuda' AND (usable OR reason <> '');
