-- Predictions of a table, kept in a table.
SET client_min_messages = warning;

-- made as it has to be, with the key's name and type
CREATE DOMAIN advert_id AS bigint;
CREATE TABLE scans (id advert_id PRIMARY KEY, image bytea);
INSERT INTO scans SELECT id, image FROM adverts WHERE id <= 50;
INSERT INTO scans VALUES (1001, 'no image'), (1002, NULL);
CALL visclf.classify_table('small', 'scans', 'id', 'said');
SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute
WHERE attrelid = 'said'::regclass AND attnum > 0 ORDER BY attnum;
SELECT count(*), count(label), count(DISTINCT id), count(DISTINCT model_id) FROM said;
SELECT id, label, confidence, labels, probabilities, error FROM said WHERE error IS NOT NULL ORDER BY id;
SELECT bool_and((s.label, s.labels, s.model_id) = (p.label, p.labels, p.model_id)) AS as_classify,
	max(abs(s.confidence - p.confidence)) < 1e-5 AS confidence
FROM said s JOIN scans c USING (id) CROSS JOIN LATERAL visclf.classify('small', c.image) p WHERE s.error IS NULL;

-- only what is new; a row that is deleted and comes again keeps what was said
CREATE TEMP TABLE first_run AS SELECT * FROM said;
INSERT INTO scans SELECT id, image FROM adverts WHERE id BETWEEN 51 AND 60;
SET client_min_messages = notice;
CALL visclf.classify_table('small', 'scans', 'id', 'said');
CALL visclf.classify_table('small', 'scans', 'id', 'said');
SET client_min_messages = warning;
SELECT count(*), count(*) FILTER (WHERE s IS NOT DISTINCT FROM f) AS untouched FROM said s LEFT JOIN first_run f USING (id);

-- another version says it anew, over the old
CALL visclf.train('small', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1, batch_size => 16);
CALL visclf.classify_table('small', 'scans', 'id', 'said');
SELECT count(*), count(DISTINCT id), bool_and(model_id = (SELECT model_id FROM visclf.models WHERE model = 'small' AND active)) AS new_version
FROM said;
CALL visclf.activate('small', 1);

-- another model's, or a person's, only when asked to
CALL bad($$CALL visclf.classify_table('strict', 'scans', 'id', 'said')$$);
INSERT INTO scans VALUES (1003, NULL);
INSERT INTO said (id, label) VALUES (1003, 'a person''s');
CALL bad($$CALL visclf.classify_table('small', 'scans', 'id', 'said')$$);
SELECT count(*) FILTER (WHERE label = 'a person''s') AS persons, count(DISTINCT model_id) AS models FROM said;
CALL visclf.classify_table('strict', 'scans', 'id', 'said', replace => true);
SELECT count(*) FILTER (WHERE label = 'a person''s') AS persons, count(*) = (SELECT count(*) FROM scans) AS all_of_them,
	bool_and(model_id = (SELECT model_id FROM visclf.models WHERE model = 'strict' AND active)) AS replaced FROM said;
CALL visclf.classify_table('small', 'scans', 'id', 'said', replace => true);

-- inside a transaction block all goes with it
BEGIN;
CALL visclf.classify_table('small', 'scans', 'id', 'undone');
SELECT count(*) FROM undone;
ROLLBACK;
SELECT to_regclass('undone') IS NULL AS gone;

-- other keys: text; a view; columns with odd names; rows without a key
CREATE VIEW "odd ones" AS SELECT CASE WHEN id > 3 THEN 'No. ' || id END AS "the ""key""", image AS "Scan" FROM adverts WHERE id <= 10;
CALL visclf.classify_table('small', '"odd ones"', 'the "key"', '"odd said"', image_column => 'Scan');
SELECT count(*), min("the ""key""") FROM "odd said";

-- several labels an image
CALL visclf.classify_table('strict', 'scans', 'id', 'subjects_said');
SELECT count(*), count(label), count(labels) FROM subjects_said;

-- a key's own equality; what has none
CREATE TABLE named AS SELECT id::varchar(9) COLLATE "C" AS id, image, ARRAY[id] AS several, point(id, id) AS place FROM scans WHERE id <= 5;
CALL visclf.classify_table('small', 'named', 'id', 'named_said');
CALL visclf.classify_table('small', 'named', 'id', 'named_said');
SELECT count(*), min(id) FROM named_said;
CALL bad($$CALL visclf.classify_table('small', 'named', 'several', 'several_said')$$);
CALL bad($$CALL visclf.classify_table('small', 'named', 'place', 'place_said')$$);

-- rows as they arrive
CREATE TABLE inbox (id int PRIMARY KEY, image bytea, scan bytea, prediction visclf.prediction, second visclf.prediction);
CREATE TRIGGER classify BEFORE INSERT OR UPDATE OF image ON inbox FOR EACH ROW EXECUTE FUNCTION visclf.classify_trigger('small');
CREATE TRIGGER classify_scan BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION visclf.classify_trigger('small', 'scan', 'second');
INSERT INTO inbox (id, image, scan) SELECT id, image, CASE WHEN id = 2 THEN 'no image'::bytea END FROM adverts WHERE id <= 3;
SELECT i.id, i.prediction = visclf.classify('small', i.image) AS said, i.second IS NULL AS no_scan, (i.second).error FROM inbox i ORDER BY id;
UPDATE inbox SET image = NULL WHERE id = 1;
UPDATE inbox SET id = 4 WHERE id = 3;
SELECT id, prediction IS NULL AS none FROM inbox ORDER BY id;
CREATE TRIGGER after_all AFTER INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION visclf.classify_trigger('small');
CALL bad($$INSERT INTO inbox VALUES (9)$$);
DROP TRIGGER after_all ON inbox;
CREATE TRIGGER wrong BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION visclf.classify_trigger('small', 'image', 'id');
CALL bad($$INSERT INTO inbox VALUES (9)$$);
DROP TRIGGER wrong ON inbox;
CREATE TRIGGER wrong BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION visclf.classify_trigger('nobody');
CALL bad($$INSERT INTO inbox (id, image) VALUES (9, 'x')$$);

-- what cannot be
CREATE TABLE elsewhere (id bigint, label text);
CREATE TABLE no_index AS SELECT * FROM said;
CREATE VIEW twice AS SELECT id, image FROM scans UNION ALL SELECT 7, image FROM scans WHERE id = 8;
CALL bad($$CALL visclf.classify_table('nobody', 'scans', 'id', 'said')$$);
CALL bad($$CALL visclf.classify_table('small', 'scans', 'no_such', 'said')$$);
CALL bad($$CALL visclf.classify_table('small', 'scans', 'id', 'said', image_column => 'id')$$);
CALL bad($$CALL visclf.classify_table('small', 'scans', 'id', 'elsewhere')$$);
CALL bad($$CALL visclf.classify_table('small', 'scans', 'id', 'no_index')$$);
CALL bad($$CALL visclf.classify_table('small', 'scans', 'id', 'no_schema.said')$$);
CALL bad($$CALL visclf.classify_table('small', 'scans', 'id', NULL)$$);
CALL bad($$CALL visclf.classify_table('small', 'twice', 'id', 'twice_said')$$);
