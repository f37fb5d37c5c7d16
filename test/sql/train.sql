-- Training: what it writes, versions, labels of other types, views.
SET client_min_messages = warning;

CALL visclf.train('small', 'adverts', key_column => 'id', architecture => 'resnet20',
	image_size => 32, epochs => 3, batch_size => 16);
SELECT model, version, active, status, owner = current_user AS mine, architecture, classes,
	image_size, accuracy BETWEEN 0 AND 1 AS has_accuracy, train_images + valid_images AS images, device
FROM visclf.models;
SELECT model, version, phase, epoch, train_loss > 0 AS train_loss, valid_loss > 0 AS valid_loss,
	accuracy BETWEEN 0 AND 1 AS accuracy, time ~ '^\d\d:\d\d$' AS time
FROM visclf.training_log ORDER BY finished_at;

-- the tensors, by torchvision's names; nothing is left of the optimiser
SELECT count(*), bool_and(octet_length(data) = 4 * (SELECT coalesce(exp(sum(ln(d))), 1)::int FROM unnest(shape) d)) AS sizes
FROM visclf.weight;
SELECT name, shape FROM visclf.weight WHERE name IN ('conv1.weight', 'layer3.2.bn2.running_var',
	'head.linear2.weight') ORDER BY name;
SELECT count(*) FROM visclf.optimizer_state;

-- validation images: each with its key, label and probabilities
SELECT count(*) = (SELECT valid_images FROM visclf.models) AS all_of_them,
	bool_and(v.label = a.label) AS labels,
	bool_and(abs((SELECT sum(p) FROM unnest(v.probabilities) p) - 1) < 1e-5) AS sum_to_one,
	bool_and(v.predicted = d.classes[CASE WHEN v.probabilities[1] >= v.probabilities[2] THEN 1 ELSE 2 END]) AS likeliest,
	abs(avg((v.predicted = v.label)::int) - max(m.accuracy)) < 1e-5 AS accuracy,
	abs(avg(v.loss) - max(m.valid_loss)) < 1e-4 AS loss
FROM visclf.validation v JOIN adverts a ON a.id::text = v.key JOIN visclf.models m USING (model_id) JOIN visclf.model d USING (model_id);

-- hyperparameters are kept with the version
SELECT hyperparameters FROM visclf.model;

-- in a transaction block nothing is committed until the block is
BEGIN;
CALL visclf.train('small', 'adverts', architecture => 'resnet20', image_size => 32,
	epochs => 1, freeze_epochs => 1, batch_size => 16, head => 'linear');
SELECT version, active, status FROM visclf.models WHERE model = 'small' ORDER BY version;
SELECT phase, epoch FROM visclf.training_log WHERE version = 2 ORDER BY finished_at;
ROLLBACK;
SELECT version, active, status FROM visclf.models WHERE model = 'small' ORDER BY version;

-- the same seed and rows give the same model, in whatever order they are read
CREATE VIEW backwards AS SELECT * FROM adverts ORDER BY id DESC;
SET visclf.convolution = direct;
SET visclf.threads = 1;
CALL visclf.train('one', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1);
CALL visclf.train('two', 'backwards', architecture => 'resnet20', image_size => 32, epochs => 1);
SELECT count(*) AS tensors, count(*) FILTER (WHERE a.data = b.data) AS same
FROM visclf.weight a JOIN visclf.weight b USING (name)
WHERE a.model_id = (SELECT model_id FROM visclf.models WHERE model = 'one')
  AND b.model_id = (SELECT model_id FROM visclf.models WHERE model = 'two');
RESET visclf.convolution;
RESET visclf.threads;

-- times are rounded, as in the notices
BEGIN;
INSERT INTO visclf.epoch (model_id, phase, epoch, train_loss, valid_loss, accuracy, images, duration)
SELECT model_id, 'timed', row_number() OVER (), 1, 1, 1, 1, d FROM visclf.models,
	unnest('{0.49 s,1.68 s,59.6 s,59 min 59.4 s,59 min 59.6 s,2 h 3 min 4 s,27 h}'::interval[]) d WHERE model = 'one';
SELECT duration, time FROM visclf.training_log WHERE phase = 'timed' ORDER BY epoch;
ROLLBACK;

-- labels that are no text: an enum, an integer, a boolean
CREATE TYPE kind AS ENUM ('text-only', 'illustrations');
CREATE VIEW typed AS
SELECT image, label::kind AS as_enum, (label = 'illustrations')::int AS as_int,
	label = 'illustrations' AS as_boolean FROM adverts;
CALL visclf.train('enum', 'typed', label_column => 'as_enum', architecture => 'resnet20', image_size => 32, epochs => 1);
CALL visclf.train('int', 'typed', label_column => 'as_int', architecture => 'resnet20', image_size => 32, epochs => 1);
CALL visclf.train('boolean', 'typed', label_column => 'as_boolean', architecture => 'resnet20', image_size => 32, epochs => 1);
SELECT name, classes FROM visclf.model WHERE name IN ('enum', 'int', 'boolean') ORDER BY name;

-- images that cannot be decoded are skipped with one warning
CREATE TABLE damaged AS
SELECT id, label, CASE WHEN id % 40 = 0 THEN 'no image'::bytea WHEN id = 41 THEN NULL ELSE image END AS image
FROM adverts WHERE label IS NOT NULL OR id % 40 = 0 OR id = 41;
UPDATE damaged SET label = 'text-only' WHERE label IS NULL;
CALL visclf.train('damaged', 'damaged', architecture => 'resnet20', image_size => 32, epochs => 1,
	key_column => 'id');

-- choosing and dropping versions
CALL visclf.train('small', 'adverts', key_column => 'id', architecture => 'resnet20',
	image_size => 32, epochs => 1, batch_size => 16, resize => 'crop');
SELECT version, active FROM visclf.models WHERE model = 'small' ORDER BY version;
CALL visclf.activate('small', 1);
SELECT version, active FROM visclf.models WHERE model = 'small' ORDER BY version;
CALL visclf.activate('small', 9);
CALL visclf.drop_model('small', 2);
CALL visclf.drop_model('one');
SELECT model, version FROM visclf.models WHERE model IN ('small', 'one');
SELECT count(*) FROM visclf.weight w WHERE NOT EXISTS (SELECT FROM visclf.model m WHERE m.model_id = w.model_id);
CALL visclf.drop_model('one');
