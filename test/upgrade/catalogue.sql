-- Every object of the extension and all that is said of it, a row each: what
-- two databases are compared by.
SET search_path = pg_catalog;

-- functions, aggregates, types, views, tables and so on are members
CREATE TEMP VIEW member AS
SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'visclf';
SELECT 'member', pg_describe_object(classid, objid, 0), obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid))
FROM member ORDER BY 2;
SELECT 'function', p.oid::regprocedure, CASE WHEN p.prokind = 'a' THEN row(pg_get_function_arguments(p.oid), p.proparallel, a.*)::text
	ELSE pg_get_functiondef(p.oid) END, p.proacl
FROM member m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
LEFT JOIN LATERAL (SELECT aggkind, aggtransfn, aggfinalfn, aggfinalextra, aggfinalmodify, aggtranstype::regtype FROM pg_aggregate WHERE aggfnoid = p.oid) a ON true ORDER BY p.oid::regprocedure::text;

-- relations, with what hangs on them
CREATE TEMP VIEW relation AS
SELECT c.*, c.oid::regclass AS name FROM pg_class c WHERE c.relnamespace = 'visclf'::regnamespace AND c.relkind <> 'i' AND c.relkind <> 'I';
SELECT 'relation', name, relkind, relacl, reloptions, relrowsecurity, relforcerowsecurity, relreplident, relispartition,
	pg_get_expr(relpartbound, oid), CASE WHEN relkind = 'v' THEN pg_get_viewdef(oid) END FROM relation ORDER BY name::text;
SELECT 'column', r.name, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attstorage, a.attidentity, a.attacl,
	pg_get_expr(d.adbin, d.adrelid), col_description(r.oid, a.attnum)
FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0
LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum ORDER BY r.name::text, a.attnum;
SELECT 'constraint', r.name, conname, pg_get_constraintdef(c.oid) FROM relation r JOIN pg_constraint c ON c.conrelid = r.oid ORDER BY 2, 3;
SELECT 'index', r.name, pg_get_indexdef(indexrelid) FROM relation r JOIN pg_index ON indrelid = r.oid ORDER BY 2, 3;
SELECT 'policy', r.name, polname, polcmd, polroles, pg_get_expr(polqual, polrelid) FROM relation r JOIN pg_policy ON polrelid = r.oid ORDER BY 2, 3;
SELECT 'trigger', r.name, pg_get_triggerdef(t.oid) FROM relation r JOIN pg_trigger t ON tgrelid = r.oid AND NOT tgisinternal ORDER BY 2, 3;
SELECT 'sequence', r.name, s.seqstart, s.seqincrement, s.seqmax, s.seqcycle FROM relation r JOIN pg_sequence s ON s.seqrelid = r.oid ORDER BY 2;
SELECT 'dumped', c.oid::regclass, condition
FROM pg_extension e, LATERAL unnest(e.extconfig, e.extcondition) AS d(relation, condition) LEFT JOIN pg_class c ON c.oid = d.relation
WHERE e.extname = 'visclf' ORDER BY 2;
SELECT 'schema', nspacl FROM pg_namespace WHERE nspname = 'visclf';
SELECT 'version', extversion FROM pg_extension WHERE extname = 'visclf';
