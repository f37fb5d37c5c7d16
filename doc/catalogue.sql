-- Writes doc/catalogue.md from the catalogue of a database that has the
-- extension: psql -X -q -A -t -f doc/catalogue.sql >doc/catalogue.md
-- A test compares the two.
SET search_path = pg_catalog;
SET client_min_messages = warning;
LOAD 'visclf';

SELECT E'# Catalogue\n\nEvery object of the extension, as the database itself describes it: written by [catalogue.sql](catalogue.sql).\nThe [reference](reference.md) explains what the options mean.\n';

SELECT E'## Functions and procedures\n';
SELECT format(E'    %s visclf.%s(%s)%s\n\n%s\n',
	CASE p.prokind WHEN 'p' THEN 'CALL' WHEN 'a' THEN 'aggregate' ELSE CASE WHEN p.prokind = 'w' THEN 'window function' ELSE 'function' END END,
	p.proname, replace(pg_get_function_arguments(p.oid), ', ', E',\n        '),
	CASE WHEN p.prokind = 'p' THEN '' ELSE E'\n        RETURNS ' || pg_get_function_result(p.oid) END,
	obj_description(p.oid, 'pg_proc'))
FROM pg_proc p WHERE p.pronamespace = 'visclf'::regnamespace ORDER BY p.proname COLLATE "C", p.pronargs;

SELECT E'## Types\n';
SELECT format(E'### visclf.%s\n\n%s\n\n%s\n', t.typname, obj_description(t.oid, 'pg_type'),
	coalesce((SELECT string_agg(format('    %s %s', a.attname, format_type(a.atttypid, a.atttypmod)), E'\n' ORDER BY a.attnum)
	 FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0), '    a base type'))
FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE t.typnamespace = 'visclf'::regnamespace AND coalesce(c.relkind = 'c', t.typcategory <> 'A') ORDER BY t.typname COLLATE "C";

SELECT E'## Tables and views\n';
SELECT format(E'### visclf.%s (%s)\n\n%s\n\n%s\n', c.relname, CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END, obj_description(c.oid, 'pg_class'),
	(SELECT string_agg(format('- `%s` %s', a.attname, format_type(a.atttypid, a.atttypmod)) || coalesce(': ' || col_description(c.oid, a.attnum), ''),
		E'\n' ORDER BY a.attnum)
	 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
FROM pg_class c WHERE c.relnamespace = 'visclf'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition ORDER BY c.relname COLLATE "C";

SELECT E'## Settings\n';
SELECT format('- `%s` (%s%s%s, %s): %s', s.name, s.boot_val, coalesce(' ' || s.unit, ''),
	CASE WHEN s.enumvals IS NOT NULL THEN ' of ' || array_to_string(s.enumvals, ', ') WHEN s.min_val IS NOT NULL THEN format(' of %s to %s', s.min_val, s.max_val) ELSE '' END,
	s.context, s.short_desc)
FROM pg_settings s WHERE s.name LIKE 'visclf.%' ORDER BY s.name COLLATE "C";
