-- The learning rate finder.
SET client_min_messages = warning;

CREATE TEMP TABLE found AS
SELECT * FROM visclf.lr_find('adverts', architecture => 'resnet20', image_size => 16, batch_size => 16);
SELECT count(*) BETWEEN 30 AND 100 AS rows, min(step) AS first, max(step) = count(*) - 1 AS numbered,
	min(learning_rate) AS start_lr, bool_and(loss > 0) AS losses,
	count(*) FILTER (WHERE valley) AS valleys, count(*) FILTER (WHERE steep) AS steeps,
	bool_and(step >= 10) FILTER (WHERE valley OR steep) AS not_at_once
FROM found;
SELECT round(ln(b.learning_rate / a.learning_rate)::numeric, 6) AS ratio, count(*) > 30 AS everywhere
FROM found a JOIN found b ON b.step = a.step + 1 GROUP BY 1;

-- from a model: its head, frozen; the options of train; other ends; nothing is kept
SELECT count(*), max(learning_rate) < 1e-3 AS below_end_lr
FROM visclf.lr_find('adverts', pretrained => 'small', batch_size => 16, start_lr => 1e-6, end_lr => 1e-3, steps => 20,
	balance => 'weight', augment => 'light', weight_decay => 0.1);
SELECT count(*) FROM visclf.model WHERE name ~ 'lr_find';
SELECT count(*) FROM visclf.lr_find('subjects', label_column => 'subjects', architecture => 'resnet20', image_size => 16,
	split_column => 'valid', batch_size => 8, end_lr => 1e-3, steps => 20);
