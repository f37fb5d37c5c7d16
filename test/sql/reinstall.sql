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
