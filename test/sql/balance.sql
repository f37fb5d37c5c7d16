-- Classes of unequal size, and augmented images.
SET client_min_messages = warning;

-- one illustrated advert in six
CREATE VIEW uneven AS
SELECT id, image, label, id % 5 = 0 AS valid FROM adverts
WHERE label = 'text-only' OR (label = 'illustrations' AND (id % 5 = 0 OR id % 4 = 0));
SELECT label, valid, count(*) FROM uneven GROUP BY 1, 2 ORDER BY 1, 2;

-- repeats are of training rows only: an epoch has twice the larger class
CALL visclf.train('even', 'uneven', key_column => 'id', split_column => 'valid',
	architecture => 'resnet20', image_size => 32, epochs => 2, batch_size => 10, balance => 'oversample');
SELECT e.epoch, e.images = 2 * (SELECT count(*) FROM uneven WHERE label = 'text-only' AND NOT valid) / 10 * 10 AS both_alike
FROM visclf.training_log e WHERE model = 'even';
SELECT (metrics ->> 'train_images')::int = (SELECT count(*) FROM uneven WHERE NOT valid) AS train_images,
	(metrics ->> 'valid_images')::int = (SELECT count(*) FROM uneven WHERE valid) AS valid_images,
	hyperparameters ->> 'balance' AS balance
FROM visclf.model WHERE name = 'even';
SELECT count(*) = count(DISTINCT key) AS once_each FROM visclf.validation JOIN visclf.models USING (model_id)
WHERE model = 'even';

-- weights make a probe expect the rare class more often
CALL visclf.train('as it is', 'uneven', split_column => 'valid', pretrained => 'small', method => 'probe', weight_decay => 1);
CALL visclf.train('weighed', 'uneven', split_column => 'valid', pretrained => 'small', method => 'probe', weight_decay => 1, balance => 'weight');
SELECT a.mean < 0.35 AS rare_as_it_is, b.mean BETWEEN 0.4 AND 0.6 AS even_weighed
FROM (SELECT avg(probabilities[1]) FROM visclf.validation JOIN visclf.models USING (model_id) WHERE model = 'as it is') a(mean),
	(SELECT avg(probabilities[1]) FROM visclf.validation JOIN visclf.models USING (model_id) WHERE model = 'weighed') b(mean);
CALL visclf.train('weighed too', 'uneven', split_column => 'valid', architecture => 'resnet20', image_size => 32,
	epochs => 1, batch_size => 10, balance => 'weight');

-- augmented: the same seed gives the same model, and another one than without
SET visclf.convolution = direct;
SET visclf.threads = 1;
CALL visclf.train('plain', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1, batch_size => 16);
CALL visclf.train('flipped', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1, batch_size => 16, augment => 'flip');
CALL visclf.train('light', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1, batch_size => 16, augment => 'light');
CALL visclf.train('light again', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1, batch_size => 16, augment => 'light');
CREATE TEMP VIEW first_layer AS
SELECT model, data FROM visclf.models JOIN visclf.weight USING (model_id) WHERE name = 'conv1.weight';
SELECT a, b, x.data = y.data AS same
FROM (VALUES ('plain', 'flipped'), ('plain', 'light'), ('light', 'light again')) pair(a, b)
	JOIN first_layer x ON x.model = a JOIN first_layer y ON y.model = b ORDER BY a, b;
