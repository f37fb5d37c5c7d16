-- Weights in and out, starting from them, probes, the split by columns.
SET client_min_messages = warning;

-- out and in again: the same answers, bit by bit
SELECT visclf.import_model('again', visclf.export_model('small')) > 0 AS imported;
SELECT a.architecture, a.head, a.classes, a.image_size, a.resize, a.mean = b.mean AND a.std = b.std AS normalised
FROM visclf.model a, visclf.model b
WHERE a.name = 'again' AND b.name = 'small' AND b.active;
SELECT count(*), count(*) FILTER (WHERE (x.p).probabilities = (y.p).probabilities) AS same
FROM (SELECT id, visclf.classify('small', image) AS p FROM adverts WHERE id <= 20) x
JOIN (SELECT id, visclf.classify('again', image) AS p FROM adverts WHERE id <= 20) y USING (id);
SELECT convert_from(substr(visclf.export_model('small'), 9, 1), 'UTF8') AS header_begins;

-- classes may be named anew
SELECT visclf.import_model('named', visclf.export_model('small'), classes => '{"with <cut>","ohne Bild"}', image_size => 24) > 0 AS imported;
SELECT classes, image_size FROM visclf.model WHERE name = 'named';

-- trained further: the parent is remembered; body frozen first, head kept
CALL visclf.train('further', 'adverts', pretrained => 'small', epochs => 1, batch_size => 16);
SELECT m.parent_id = p.model_id AS parent, m.architecture, m.image_size, m.hyperparameters ->> 'freeze_epochs' AS freeze_epochs,
	m.hyperparameters ->> 'lr_mult' AS lr_mult
FROM visclf.model m, visclf.models p WHERE m.name = 'further' AND p.model = 'small' AND p.active;
SELECT phase, epoch FROM visclf.training_log WHERE model = 'further' ORDER BY finished_at;

-- while frozen, only batch norm and head change
CALL visclf.train('frozen', 'adverts', pretrained => 'small', epochs => 1, freeze_epochs => 1, learning_rate => 1e-30, batch_size => 16);
SELECT split_part(a.name, '.', 1) = 'head' AS head, a.name ~ 'running' AS running,
	count(*), count(*) FILTER (WHERE a.data = b.data) AS same
FROM visclf.weight a JOIN visclf.weight b USING (name)
WHERE a.model_id = (SELECT model_id FROM visclf.models WHERE model = 'small' AND active)
  AND b.model_id = (SELECT model_id FROM visclf.models WHERE model = 'frozen')
GROUP BY 1, 2 ORDER BY 1, 2;

-- a probe leaves the body and its statistics alone
CALL visclf.train('probe', 'adverts', pretrained => 'small', method => 'probe');
SELECT count(*), count(*) FILTER (WHERE a.data = b.data) AS same
FROM visclf.weight a JOIN visclf.weight b USING (name)
WHERE a.model_id = (SELECT model_id FROM visclf.models WHERE model = 'small' AND active)
  AND b.model_id = (SELECT model_id FROM visclf.models WHERE model = 'probe');
SELECT phase, epoch, train_loss < 0.69 AS fits FROM visclf.training_log WHERE model = 'probe' AND fold = 0;
SELECT head FROM visclf.model WHERE name = 'probe';
SELECT name, shape FROM visclf.weight w JOIN visclf.models m USING (model_id) WHERE m.model = 'probe' AND name ~ '^linear' ORDER BY 1;

-- versions made in one transaction are told apart, by time too
BEGIN;
SELECT count(DISTINCT visclf.import_model('twice', visclf.export_model('small'))) FROM generate_series(1, 2);
SELECT count(DISTINCT created_at) FROM visclf.model WHERE name = 'twice';
ROLLBACK;

-- the split by a column, text or boolean, and by groups
CREATE VIEW split AS SELECT *, CASE WHEN id % 3 = 0 THEN 'valid' ELSE 'train' END AS side,
	CASE WHEN id < 30 THEN id % 3 = 0 END AS some_sides, id % 10 AS family FROM adverts;
CALL visclf.train('split', 'split', key_column => 'id', split_column => 'side', architecture => 'resnet20', image_size => 16, epochs => 1);
SELECT count(*), bool_and(key::int % 3 = 0) AS as_told FROM visclf.validation v JOIN visclf.models m USING (model_id) WHERE model = 'split';
CALL visclf.train('some_sides', 'split', key_column => 'id', split_column => 'some_sides', architecture => 'resnet20', image_size => 16, epochs => 1);
SELECT count(*) FILTER (WHERE key::int < 30) = (SELECT count(label) FROM split WHERE some_sides) AS as_told,
	count(*) FILTER (WHERE key::int >= 30) > 0 AS by_hash
FROM visclf.validation v JOIN visclf.models m USING (model_id) WHERE model = 'some_sides';
CALL visclf.train('families', 'split', key_column => 'id', group_column => 'family', architecture => 'resnet20', image_size => 16, epochs => 1);
SELECT count(*) AS families_on_both_sides FROM (
	SELECT a.family FROM split a WHERE a.label IS NOT NULL GROUP BY a.family
	HAVING count(*) FILTER (WHERE EXISTS (SELECT FROM visclf.validation v JOIN visclf.models m USING (model_id)
			WHERE m.model = 'families' AND v.key = a.id::text)) NOT IN (0, count(*))) x;

-- warnings, with numbers: repeats with other labels and across the split, small classes
CREATE VIEW repeated AS
SELECT id, image, label, id % 3 = 0 AS valid FROM adverts WHERE label IS NOT NULL
UNION ALL SELECT id, image, 'text-only', id % 3 <> 0 FROM adverts WHERE label IS NOT NULL AND id <= 30
UNION ALL SELECT id, image, 'rare', false FROM adverts WHERE id IN (SELECT id FROM adverts WHERE label IS NULL ORDER BY id LIMIT 2);
CALL visclf.train('repeated', 'repeated', split_column => 'valid', architecture => 'resnet20', image_size => 16, epochs => 1);
