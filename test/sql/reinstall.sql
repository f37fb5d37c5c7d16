-- A session that used a model of an extension since dropped and made again
-- must not answer with it, though the numbers begin anew.
SET client_min_messages = warning;
DROP EXTENSION visclf CASCADE;
CREATE EXTENSION visclf;
CALL visclf.train('first', 'adverts', architecture => 'resnet20', image_size => 16, epochs => 1);
SELECT p.model_id, p.label IN ('illustrations', 'text-only') AS label
FROM adverts, visclf.classify('first', image) p WHERE id = 1;
DROP EXTENSION visclf;
CREATE EXTENSION visclf;
CREATE VIEW renamed AS SELECT image, 'new ' || label AS label FROM adverts;
CALL visclf.train('first', 'renamed', architecture => 'resnet20', image_size => 16, epochs => 1);
SELECT p.model_id, p.label IN ('new illustrations', 'new text-only') AS label
FROM adverts, visclf.classify('first', image) p WHERE id = 1;

-- not into a schema that others had before, who could put functions beside the extension's
\set VERBOSITY default
DROP EXTENSION visclf;
CREATE ROLE regress_visclf_early;
ALTER SCHEMA visclf OWNER TO regress_visclf_early;
CREATE EXTENSION visclf;
ALTER SCHEMA visclf OWNER TO CURRENT_USER;
DROP ROLE regress_visclf_early;
CREATE FUNCTION visclf.active_version(text, boolean) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE EXTENSION visclf;
DROP SCHEMA visclf CASCADE;
CREATE EXTENSION visclf;
