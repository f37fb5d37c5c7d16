-- What CREATE EXTENSION visclf runs: rows first, then rights, then functions.

\echo Use "CREATE EXTENSION visclf" to load this file. \quit

---------------------------------------------------------------------------
-- Models as rows
---------------------------------------------------------------------------

CREATE TABLE visclf.model (
	model_id	int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name		text NOT NULL CHECK (name <> ''),
	version		int NOT NULL CHECK (version > 0),
	owner		name NOT NULL,
	status		text NOT NULL DEFAULT 'training' CHECK (status IN ('training', 'ready')),
	active		boolean NOT NULL DEFAULT false CHECK (NOT active OR status = 'ready'),
	architecture text NOT NULL,
	head		text NOT NULL CHECK (head IN ('concat', 'linear')),
	classes		text[] NOT NULL,
	multi_label	boolean NOT NULL DEFAULT false,
	thresholds	real[],
	image_size	int NOT NULL,
	resize		text NOT NULL CHECK (resize IN ('squish', 'crop', 'pad')),
	mean		real[] NOT NULL,
	std			real[] NOT NULL,
	activation_ranges real[],
	int8_agreement real,
	parent_id	int,
	hyperparameters jsonb NOT NULL DEFAULT '{}',
	metrics		jsonb NOT NULL DEFAULT '{}',
	progress	jsonb,
	device		text,
	created_at	timestamptz NOT NULL DEFAULT clock_timestamp(),
	finished_at	timestamptz,
	UNIQUE (name, version)
);
CREATE UNIQUE INDEX model_active ON visclf.model (name) WHERE active;
COMMENT ON TABLE visclf.model IS 'versions of trained models; a version never changes once it is ready';
COMMENT ON COLUMN visclf.model.owner IS 'role that trained it; its members may share and drop it';
COMMENT ON COLUMN visclf.model.active IS 'the version that classify uses; at most one a name';
COMMENT ON COLUMN visclf.model.classes IS 'labels, in the order of the network''s outputs';
COMMENT ON COLUMN visclf.model.multi_label IS 'an image carries any number of the classes; otherwise it is of exactly one';
COMMENT ON COLUMN visclf.model.thresholds IS 'the probability from which an image counts as carrying a class, by class: the one with the best F1 of the validation images; NULL: 0.5, or not multi-label';
COMMENT ON COLUMN visclf.model.image_size IS 'side of the square that images are resized to, pixels';
COMMENT ON COLUMN visclf.model.mean IS 'mean of red, green, blue (0 to 1) that is subtracted from the input';
COMMENT ON COLUMN visclf.model.std IS 'standard deviation of red, green, blue that the input is divided by';
COMMENT ON COLUMN visclf.model.activation_ranges IS 'the largest absolute output of each of the network''s nodes on training images, for int8; NULL: not calibrated';
COMMENT ON COLUMN visclf.model.int8_agreement IS 'the share of the validation images of which int8 says the same as float32';
COMMENT ON COLUMN visclf.model.parent_id IS 'the version that its training started from; it may be gone';
COMMENT ON COLUMN visclf.model.progress IS 'where visclf.resume goes on; NULL once the version is ready';

CREATE TABLE visclf.weight (
	model_id	int NOT NULL REFERENCES visclf.model ON DELETE CASCADE,
	name		text NOT NULL,
	shape		int[] NOT NULL,
	data		bytea NOT NULL,
	PRIMARY KEY (model_id, name)
);
ALTER TABLE visclf.weight ALTER COLUMN data SET STORAGE EXTERNAL;
COMMENT ON TABLE visclf.weight IS 'tensors of models, one row each, under torchvision''s names';
COMMENT ON COLUMN visclf.weight.shape IS 'as torchvision has it: out, in, height, width for a convolution';
COMMENT ON COLUMN visclf.weight.data IS 'float32, little endian, row-major';

CREATE TABLE visclf.optimizer_state (
	model_id	int NOT NULL REFERENCES visclf.model ON DELETE CASCADE,
	name		text NOT NULL,
	first_moment bytea NOT NULL,
	second_moment bytea NOT NULL,
	PRIMARY KEY (model_id, name)
);
ALTER TABLE visclf.optimizer_state ALTER COLUMN first_moment SET STORAGE EXTERNAL;
ALTER TABLE visclf.optimizer_state ALTER COLUMN second_moment SET STORAGE EXTERNAL;
COMMENT ON TABLE visclf.optimizer_state IS 'Adam''s averages of a training that is not finished, so that it can be resumed';

CREATE TABLE visclf.epoch (
	model_id	int NOT NULL REFERENCES visclf.model ON DELETE CASCADE,
	phase		text NOT NULL,
	epoch		int NOT NULL,
	train_loss	real NOT NULL,
	valid_loss	real NOT NULL,
	accuracy	real NOT NULL,
	f1_score	real,
	images		int NOT NULL,
	duration	interval NOT NULL,
	finished_at	timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (model_id, phase, epoch)
);
COMMENT ON TABLE visclf.epoch IS 'one row an epoch of training, written as it ends; read it through visclf.training_log';

CREATE TABLE visclf.validation (
	model_id	int NOT NULL REFERENCES visclf.model ON DELETE CASCADE,
	row_number	int NOT NULL,
	key			text,
	label		text,
	predicted	text,
	labels		text[],
	predicted_labels text[],
	probabilities real[] NOT NULL,
	loss		real NOT NULL,
	PRIMARY KEY (model_id, row_number),
	CHECK (CASE WHEN labels IS NULL THEN num_nulls(label, predicted) = 0 AND predicted_labels IS NULL
		   ELSE num_nonnulls(label, predicted) = 0 AND predicted_labels IS NOT NULL END)
);
COMMENT ON TABLE visclf.validation IS 'what a finished model says of the images that were held out of its training';
COMMENT ON COLUMN visclf.validation.key IS 'the row''s key_column as text; NULL where training was given none';
COMMENT ON COLUMN visclf.validation.label IS 'the class it was given; NULL for a multi-label model, as is predicted';
COMMENT ON COLUMN visclf.validation.labels IS 'the classes it was given, for a multi-label model; otherwise NULL, as is predicted_labels';
COMMENT ON COLUMN visclf.validation.probabilities IS 'of each class, in the order of visclf.model.classes; multi-label ones do not add up to 1';
COMMENT ON COLUMN visclf.validation.loss IS 'cross entropy, nats; multi-label: binary, the mean over classes';

CREATE TABLE visclf.model_share (
	name		text NOT NULL,
	owner		name NOT NULL,
	grantee		name NOT NULL,
	PRIMARY KEY (name, owner, grantee)
);
COMMENT ON TABLE visclf.model_share IS 'who may read the models of a name beside their owner; "public" is everyone';

SELECT pg_catalog.pg_extension_config_dump('visclf.model', '');
SELECT pg_catalog.pg_extension_config_dump('visclf.model_model_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('visclf.weight', '');
SELECT pg_catalog.pg_extension_config_dump('visclf.optimizer_state', '');
SELECT pg_catalog.pg_extension_config_dump('visclf.epoch', '');
SELECT pg_catalog.pg_extension_config_dump('visclf.validation', '');
SELECT pg_catalog.pg_extension_config_dump('visclf.model_share', '');

---------------------------------------------------------------------------
-- Rights: private by default
---------------------------------------------------------------------------

CREATE FUNCTION visclf.acts_as(role name) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT EXISTS (SELECT FROM pg_catalog.pg_roles r
				   WHERE r.rolname = role AND pg_catalog.pg_has_role(r.oid, 'USAGE'));
END;
COMMENT ON FUNCTION visclf.acts_as(name) IS
'true where the current role has the rights of the named role; false where that role is gone';

-- A name belongs to one role, whether or not others may see its models.
CREATE FUNCTION visclf.model_owner(model text) RETURNS name
LANGUAGE sql STABLE STRICT SECURITY DEFINER PARALLEL SAFE
BEGIN ATOMIC
	SELECT m.owner FROM visclf.model m WHERE m.name = model LIMIT 1;
END;
COMMENT ON FUNCTION visclf.model_owner(text) IS
'the role that a model''s name belongs to; NULL where the name is free';

GRANT USAGE ON SCHEMA visclf TO PUBLIC;
-- Roles read; only the extension's functions write, after they have checked
-- whose model it is.
GRANT SELECT ON visclf.model, visclf.weight, visclf.optimizer_state,
	visclf.epoch, visclf.validation, visclf.model_share TO PUBLIC;

ALTER TABLE visclf.model ENABLE ROW LEVEL SECURITY;
ALTER TABLE visclf.weight ENABLE ROW LEVEL SECURITY;
ALTER TABLE visclf.optimizer_state ENABLE ROW LEVEL SECURITY;
ALTER TABLE visclf.epoch ENABLE ROW LEVEL SECURITY;
ALTER TABLE visclf.validation ENABLE ROW LEVEL SECURITY;
ALTER TABLE visclf.model_share ENABLE ROW LEVEL SECURITY;

CREATE POLICY owner_or_grantee_reads ON visclf.model_share FOR SELECT
	USING (visclf.acts_as(owner) OR grantee = 'public' OR visclf.acts_as(grantee));
CREATE POLICY owner_or_grantee_reads ON visclf.model FOR SELECT
	USING (visclf.acts_as(owner) OR (status = 'ready' AND EXISTS (
		SELECT FROM visclf.model_share s
		WHERE s.name = model.name AND s.owner = model.owner
		  AND (s.grantee = 'public' OR visclf.acts_as(s.grantee)))));

-- What hangs on a model is read by whoever reads the model.
CREATE POLICY reads_with_model ON visclf.weight FOR SELECT
	USING (model_id IN (SELECT m.model_id FROM visclf.model m));
CREATE POLICY reads_with_model ON visclf.optimizer_state FOR SELECT
	USING (model_id IN (SELECT m.model_id FROM visclf.model m));
CREATE POLICY reads_with_model ON visclf.epoch FOR SELECT
	USING (model_id IN (SELECT m.model_id FROM visclf.model m));
CREATE POLICY reads_with_model ON visclf.validation FOR SELECT
	USING (model_id IN (SELECT m.model_id FROM visclf.model m));

---------------------------------------------------------------------------
-- Training
---------------------------------------------------------------------------

CREATE PROCEDURE visclf.train(
	model			text,
	source			regclass,
	image_column	name DEFAULT 'image',
	label_column	name DEFAULT 'label',
	key_column		name DEFAULT NULL,
	group_column	name DEFAULT NULL,
	split_column	name DEFAULT NULL,
	architecture	text DEFAULT NULL,
	pretrained		text DEFAULT NULL,
	method			text DEFAULT 'fine_tune',
	head			text DEFAULT NULL,
	image_size		int DEFAULT NULL,
	resize			text DEFAULT 'squish',
	balance			text DEFAULT 'none',
	augment			text DEFAULT 'none',
	epochs			int DEFAULT 5,
	freeze_epochs	int DEFAULT NULL,
	learning_rate	float8 DEFAULT 2e-3,
	lr_mult			float8 DEFAULT NULL,
	weight_decay	float8 DEFAULT 0.01,
	dropout			float8 DEFAULT 0.5,
	batch_size		int DEFAULT 64,
	validation_share float8 DEFAULT 0.2,
	seed			bigint DEFAULT 42)
LANGUAGE c AS 'MODULE_PATHNAME', 'visclf_train';
COMMENT ON PROCEDURE visclf.train(text, regclass, name, name, name, name, name, text, text, text, text, int, text, text, text, int, int,
	float8, float8, float8, float8, int, float8, bigint) IS
'trains a new version of a model on the rows of a table or view whose label is not NULL, as fastai''s fine_tune does; commits after each epoch unless called inside a transaction block';

CREATE PROCEDURE visclf.resume(model text)
LANGUAGE c AS 'MODULE_PATHNAME', 'visclf_resume';
COMMENT ON PROCEDURE visclf.resume(text) IS
'goes on with the latest unfinished training of a model from its last checkpoint; the result equals the uninterrupted run';

CREATE FUNCTION visclf.lr_find(
	source			regclass,
	image_column	name DEFAULT 'image',
	label_column	name DEFAULT 'label',
	group_column	name DEFAULT NULL,
	split_column	name DEFAULT NULL,
	architecture	text DEFAULT NULL,
	pretrained		text DEFAULT NULL,
	head			text DEFAULT NULL,
	image_size		int DEFAULT NULL,
	resize			text DEFAULT 'squish',
	balance			text DEFAULT 'none',
	augment			text DEFAULT 'none',
	weight_decay	float8 DEFAULT 0.01,
	dropout			float8 DEFAULT 0.5,
	batch_size		int DEFAULT 64,
	validation_share float8 DEFAULT 0.2,
	seed			bigint DEFAULT 42,
	start_lr		float8 DEFAULT 1e-7,
	end_lr			float8 DEFAULT 10,
	steps			int DEFAULT 100,
	OUT step int, OUT learning_rate float8, OUT loss float8, OUT valley boolean, OUT steep boolean)
RETURNS SETOF record
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'visclf_lr_find';
COMMENT ON FUNCTION visclf.lr_find(regclass, name, name, name, name, text, text, text, int, text, text, text,
	float8, float8, int, float8, bigint, float8, float8, int) IS
'tries learning rates from start_lr to end_lr, one a step of a training that is not kept, as fastai''s lr_find: a row a step with the smoothed training loss in nats; valley and steep mark the rates that fastai suggests by those names';

CREATE VIEW visclf.models WITH (security_invoker = true) AS
SELECT m.name AS model, m.version, m.active,
	CASE WHEN m.status = 'training' AND NOT EXISTS (
			SELECT FROM pg_catalog.pg_locks l
			WHERE l.locktype = 'object' AND l.granted AND l.objsubid = 0
			  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d
								WHERE d.datname = pg_catalog.current_database())
			  AND l.classid = 'visclf.model'::pg_catalog.regclass
			  AND l.objid::bigint = m.model_id)
		 THEN 'interrupted' ELSE m.status END AS status,
	m.owner, m.architecture, m.classes, m.multi_label, m.image_size,
	(m.metrics ->> 'accuracy')::real AS accuracy,
	(m.metrics ->> 'f1_score')::real AS f1_score,
	(m.metrics ->> 'valid_loss')::real AS valid_loss,
	m.int8_agreement,
	(m.metrics ->> 'train_images')::int AS train_images,
	(m.metrics ->> 'valid_images')::int AS valid_images,
	m.device, m.created_at, m.finished_at, m.model_id
FROM visclf.model m;
COMMENT ON VIEW visclf.models IS
'the models that the current role may see, a row a version; interrupted ones can be resumed';

CREATE VIEW visclf.training_log WITH (security_invoker = true) AS
SELECT m.name AS model, m.version, e.phase, e.epoch, e.train_loss, e.valid_loss, e.accuracy, e.f1_score,
	pg_catalog.to_char(e.duration, CASE WHEN e.duration < '1 hour' THEN 'MI:SS' ELSE 'HH24:MI:SS' END) AS time,
	e.images, e.duration, e.finished_at, e.model_id
FROM visclf.epoch e JOIN visclf.model m USING (model_id);
GRANT SELECT ON visclf.models, visclf.training_log TO PUBLIC;
COMMENT ON VIEW visclf.training_log IS
'a row an epoch, in the columns of fastai''s table: losses in nats, accuracy of the validation images from 0 to 1, for multi-label models of all images and classes and beside it the mean of the classes'' F1, time in minutes and seconds';

---------------------------------------------------------------------------
-- Classifying
---------------------------------------------------------------------------

CREATE TYPE visclf.prediction AS (
	label		text,
	confidence	real,
	labels		text[],
	probabilities real[],
	model_id	int,
	error		text
);
COMMENT ON TYPE visclf.prediction IS
'what a model says of one image: the likeliest class and its probability; the classes it carries (that one alone, but for multi-label models, which may say none and then no label); the probabilities of all in the order of visclf.model.classes; the version asked; or, for an image that cannot be decoded, error alone';

CREATE FUNCTION visclf.planner_support(internal) RETURNS internal
LANGUAGE c STRICT
AS 'MODULE_PATHNAME', 'visclf_planner_support';
COMMENT ON FUNCTION visclf.planner_support(internal) IS
'planner support function of visclf.classify and visclf.embed: has their queries planned with parallel workers where the table has images enough, and with their cost for each row in LATERAL';

CREATE FUNCTION visclf.classify(model text, image bytea) RETURNS visclf.prediction
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100000 SUPPORT visclf.planner_support
AS 'MODULE_PATHNAME', 'visclf_classify';
COMMENT ON FUNCTION visclf.classify(text, bytea) IS
'classifies one image with the active version of a model; NULL for a NULL image. A session remembers the last few images that it asked about, so (classify(...)).* costs one pass';

CREATE FUNCTION visclf.classify_batch(model text, image bytea) RETURNS visclf.prediction
LANGUAGE c WINDOW STABLE PARALLEL SAFE COST 100000
AS 'MODULE_PATHNAME', 'visclf_classify_batch';
COMMENT ON FUNCTION visclf.classify_batch(text, bytea) IS
'classify as a window function, OVER () for a whole table: reads ahead, decodes on all cores and runs the network on batches of visclf.batch_size images; the fast way through many rows';

CREATE PROCEDURE visclf.classify_table(
	model			text,
	source			regclass,
	key_column		name,
	target			text,
	image_column	name DEFAULT 'image')
LANGUAGE c AS 'MODULE_PATHNAME', 'visclf_classify_table';
COMMENT ON PROCEDURE visclf.classify_table(text, regclass, name, text, name) IS
'classifies the rows of a table or view whose key has no prediction by the active version yet, and writes the predictions into a table of the caller''s own, which is made if need be: the key, the columns of visclf.prediction, classified_at. Commits after each batch unless called inside a transaction block';

CREATE FUNCTION visclf.classify_trigger() RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'visclf_classify_trigger';
COMMENT ON FUNCTION visclf.classify_trigger() IS
'trigger function that classifies rows as they are written: BEFORE INSERT OR UPDATE FOR EACH ROW, with a model''s name and, where they are not called image and prediction, the columns of the image and of the visclf.prediction that it fills';

CREATE FUNCTION visclf.embed(model text, image bytea) RETURNS real[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100000 SUPPORT visclf.planner_support
AS 'MODULE_PATHNAME', 'visclf_embed';
COMMENT ON FUNCTION visclf.embed(text, bytea) IS
'the pooled features before the model''s head, for similarity of pictures (1024 numbers for resnet18 with the concat head); NULL for an image that cannot be decoded';

---------------------------------------------------------------------------
-- How good a model is, from the images that were held out of its training
---------------------------------------------------------------------------

CREATE FUNCTION visclf.active_version(model text, multi_label boolean DEFAULT NULL) RETURNS int
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'visclf_active_version';
COMMENT ON FUNCTION visclf.active_version(text, boolean) IS
'model_id of the version that classify uses; an error where the current role may use none of that name or, with multi_label, where it is of the other kind';

CREATE FUNCTION visclf.wilson_interval(hits bigint, trials bigint, OUT low float8, OUT high float8)
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN trials > 0 THEN greatest(0, (p + z * z / (2 * n) - h) / (1 + z * z / n)) END,
		CASE WHEN trials > 0 THEN least(1, (p + z * z / (2 * n) + h) / (1 + z * z / n)) END
	FROM (SELECT 1.959963984540054::float8 AS z, trials::float8 AS n,
				hits::float8 / nullif(trials, 0) AS p) a,
		LATERAL (SELECT z * sqrt(p * (1 - p) / nullif(n, 0) + z * z / (4 * nullif(n, 0) * n)) AS h) b;
END;
COMMENT ON FUNCTION visclf.wilson_interval(bigint, bigint) IS
'the 95 % interval of a share of which hits of trials are known (Wilson 1927); NULL for no trials';

CREATE FUNCTION visclf.confusion_matrix(model text, OUT label text, OUT predicted text, OUT images bigint)
RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
BEGIN ATOMIC
	SELECT l.class, p.class, count(v.model_id)
	FROM visclf.model m
	CROSS JOIN LATERAL unnest(m.classes) WITH ORDINALITY l(class, place)
	CROSS JOIN LATERAL unnest(m.classes) WITH ORDINALITY p(class, place)
	LEFT JOIN visclf.validation v ON v.model_id = m.model_id AND v.label = l.class AND v.predicted = p.class
	WHERE m.model_id = visclf.active_version(model, false)
	GROUP BY l.class, l.place, p.class, p.place
	ORDER BY l.place, p.place;
END;
COMMENT ON FUNCTION visclf.confusion_matrix(text) IS
'how many validation images of each class the active version says are of each class: a row a pair, zeros too, in the order of visclf.model.classes; for models of one label an image';

CREATE FUNCTION visclf.classification_report(model text, OUT class text,
	OUT "precision" float8, OUT precision_low float8, OUT precision_high float8,
	OUT recall float8, OUT recall_low float8, OUT recall_high float8,
	OUT f1_score float8, OUT support bigint)
RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
BEGIN ATOMIC
	WITH counted AS (
		SELECT c.class, c.place,
			count(*) FILTER (WHERE c.class = ANY (v.given) AND c.class = ANY (v.said)) AS hits,
			count(*) FILTER (WHERE c.class = ANY (v.said)) AS said,
			count(*) FILTER (WHERE c.class = ANY (v.given)) AS given
		FROM visclf.model m
		CROSS JOIN LATERAL unnest(m.classes) WITH ORDINALITY c(class, place)
		LEFT JOIN LATERAL (
			SELECT coalesce(v.labels, ARRAY[v.label]) AS given, coalesce(v.predicted_labels, ARRAY[v.predicted]) AS said
			FROM visclf.validation v WHERE v.model_id = m.model_id) v ON true
		WHERE m.model_id = visclf.active_version(model)
		GROUP BY c.class, c.place),
	scored AS (
		SELECT c.*, coalesce(hits::float8 / nullif(said, 0), 0) AS "precision",
			coalesce(hits::float8 / nullif(given, 0), 0) AS recall,
			coalesce(2 * hits::float8 / nullif(said + given, 0), 0) AS f1 FROM counted c),
	summed AS (
		SELECT sum(hits)::bigint AS hits, sum(said)::bigint AS said, sum(given)::bigint AS given FROM counted)
	SELECT r.class, r."precision", r.precision_low, r.precision_high, r.recall, r.recall_low, r.recall_high, r.f1, r.support
	FROM (
		SELECT 0 AS part, s.place, s.class, s."precision", p.low AS precision_low, p.high AS precision_high,
			s.recall, q.low AS recall_low, q.high AS recall_high, s.f1, s.given AS support
		FROM scored s, LATERAL visclf.wilson_interval(hits, said) p, LATERAL visclf.wilson_interval(hits, given) q
		UNION ALL
		SELECT 1, 0, CASE WHEN m.multi_label THEN 'micro avg' ELSE 'accuracy' END, hits::float8 / nullif(said, 0), p.low, p.high, hits::float8 / nullif(given, 0), q.low, q.high,
			2 * hits::float8 / nullif(said + given, 0), given
		FROM summed, LATERAL visclf.wilson_interval(hits, said) p, LATERAL visclf.wilson_interval(hits, given) q, visclf.model m
		WHERE m.model_id = visclf.active_version(model)
		UNION ALL
		SELECT 2, 0, 'macro avg', avg(s."precision"), NULL, NULL, avg(s.recall), NULL, NULL, avg(s.f1), sum(s.given)::bigint
		FROM scored s
		UNION ALL
		SELECT 3, 0, 'weighted avg', sum(s."precision" * s.given) / nullif(sum(s.given), 0), NULL, NULL,
			sum(s.recall * s.given) / nullif(sum(s.given), 0), NULL, NULL,
			sum(s.f1 * s.given) / nullif(sum(s.given), 0), sum(s.given)::bigint
		FROM scored s) r
	ORDER BY r.part, r.place;
END;
COMMENT ON FUNCTION visclf.classification_report(text) IS
'precision, recall and F1 of each class on the validation images of the active version, as scikit-learn''s report, with 95 % intervals by Wilson; then accuracy (micro avg, of a multi-label model), macro avg and weighted avg. 0 where nothing was said or given';

CREATE FUNCTION visclf.top_losses(model text, n int DEFAULT 10, OUT key text, OUT label text, OUT predicted text,
	OUT confidence real, OUT loss real)
RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
BEGIN ATOMIC
	SELECT v.key, coalesce(v.label, array_to_string(v.labels, ', ')), coalesce(v.predicted, array_to_string(v.predicted_labels, ', ')),
		(SELECT max(p) FROM unnest(v.probabilities) p), v.loss
	FROM visclf.validation v WHERE v.model_id = visclf.active_version(model)
	ORDER BY v.loss DESC, v.row_number LIMIT n;
END;
COMMENT ON FUNCTION visclf.top_losses(text, int) IS
'the n validation images that the active version is most wrong about, the worst first: their key, what they are and what it says, its largest probability, the loss in nats';

CREATE FUNCTION visclf.calibration(model text, bins int DEFAULT 10, OUT bin int, OUT confidence_low float8, OUT confidence_high float8,
	OUT images bigint, OUT confidence float8, OUT accuracy float8)
RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
BEGIN ATOMIC
	WITH answered AS (
		SELECT p.probability, v.label = v.predicted AS is_right
		FROM visclf.validation v CROSS JOIN LATERAL (SELECT max(p)::float8 AS probability FROM unnest(v.probabilities) p) p
		WHERE v.model_id = visclf.active_version(model) AND v.label IS NOT NULL
		UNION ALL
		SELECT p.probability::float8, m.classes[p.place] = ANY (v.labels)
		FROM visclf.validation v JOIN visclf.model m USING (model_id)
		CROSS JOIN LATERAL unnest(v.probabilities) WITH ORDINALITY p(probability, place)
		WHERE v.model_id = visclf.active_version(model) AND v.labels IS NOT NULL)
	SELECT b.bin, (b.bin - 1)::float8 / bins, b.bin::float8 / bins, count(a.probability), avg(a.probability), avg(a.is_right::int)::float8
	FROM generate_series(1, bins) b(bin)
	LEFT JOIN answered a ON b.bin = least(bins, floor(a.probability * bins)::int + 1)
	GROUP BY b.bin ORDER BY b.bin;
END;
COMMENT ON FUNCTION visclf.calibration(text, int) IS
'whether the active version is as often right as it is sure: its answers about validation images in bins of equal width by their probability, the mean probability and the share that is right. Answers are the likeliest classes, one an image, or, for a multi-label model, what is said of each class, so that images are then images times classes';

CREATE FUNCTION visclf.evaluate(model text, source regclass, image_column name DEFAULT 'image',
	label_column name DEFAULT 'label', by text[] DEFAULT '{}',
	OUT groups jsonb, OUT images bigint, OUT failed bigint, OUT accuracy float8, OUT accuracy_low float8,
	OUT accuracy_high float8, OUT macro_f1 float8, OUT loss float8, OUT per_class jsonb)
RETURNS SETOF record
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	active_id int := visclf.active_version(model, false);
	classes text[] := (SELECT m.classes FROM visclf.model m WHERE m.model_id = active_id);
	keys text := (SELECT coalesce(string_agg(format('s.%I AS g%s, ', b.name, b.place), '' ORDER BY b.place), '')
				  FROM unnest(by) WITH ORDINALITY b(name, place));
	pairs text := (SELECT string_agg(format('%L, g%s', b.name, b.place), ', ' ORDER BY b.place)
				   FROM unnest(by) WITH ORDINALITY b(name, place));
	stranger text;
BEGIN
	SELECT c.name INTO stranger FROM unnest(by || ARRAY[label_column, image_column]::text[]) c(name)
	WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = source AND a.attname = c.name AND NOT a.attisdropped);
	IF FOUND THEN
		RAISE EXCEPTION 'column "%" of "%" does not exist', stranger, source
			USING ERRCODE = 'undefined_column', HINT = 'Name the columns: image_column, label_column, by => ''...''.';
	END IF;
	IF EXISTS (SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
			   WHERE a.attrelid = source AND a.attname = image_column AND t.oid <> 'bytea'::regtype AND t.typtype <> 'd') THEN
		RAISE EXCEPTION 'column "%" is not of type bytea', image_column
			USING ERRCODE = 'datatype_mismatch', HINT = 'Images are the bytes of JPEG files in a bytea column; name it with image_column => ''...''.';
	END IF;
	-- what is of no class of the model would count as an error that no training can mend
	EXECUTE format('SELECT s.%1$I::text FROM %2$s s WHERE NOT s.%1$I::text = ANY ($1) LIMIT 1', label_column, source)
		INTO stranger USING classes;
	IF stranger IS NOT NULL THEN
		RAISE EXCEPTION 'label "%" is not a class of model "%"', stranger, model
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Pass a view of the rows of these classes: ' || array_to_string(classes, ', ');
	END IF;
	RETURN QUERY EXECUTE format($query$
		WITH answered AS MATERIALIZED (
			SELECT jsonb_build_object(%1$s) AS groups, dense_rank() OVER (%2$s) AS place, r.given, (r.p).label AS said,
				CASE WHEN (r.p).label IS NOT NULL
					 THEN -ln(greatest((r.p).probabilities[array_position($2, r.given)], 1e-38)::float8) END AS loss
			FROM (SELECT %3$s s.%4$I::text AS given, visclf.classify_batch($1, s.%5$I) OVER () AS p
				  FROM %6$s s WHERE s.%4$I IS NOT NULL) r),
		placed AS (
			SELECT a.place, a.groups, a.given, a.said, a.loss FROM answered a
			UNION ALL
			SELECT NULL, '{}', a.given, a.said, a.loss FROM answered a WHERE cardinality($3) > 0),
		scored AS (
			SELECT p.place, p.groups, c.class, c.number,
				count(*) FILTER (WHERE p.given = c.class AND p.said = c.class) AS hits,
				count(*) FILTER (WHERE p.said = c.class) AS said,
				count(*) FILTER (WHERE p.given = c.class AND p.said IS NOT NULL) AS given
			FROM placed p CROSS JOIN unnest($2) WITH ORDINALITY c(class, number)
			GROUP BY p.place, p.groups, c.class, c.number),
		told AS (
			SELECT s.place, avg(2 * s.hits::float8 / (s.said + s.given)) FILTER (WHERE s.said + s.given > 0) AS macro_f1,
				jsonb_object_agg(s.class, jsonb_build_object(
					'precision', s.hits::float8 / nullif(s.said, 0), 'precision_low', a.low, 'precision_high', a.high,
					'recall', s.hits::float8 / nullif(s.given, 0), 'recall_low', b.low, 'recall_high', b.high,
					'f1_score', 2 * s.hits::float8 / nullif(s.said + s.given, 0), 'support', s.given)) AS per_class
			FROM scored s, LATERAL visclf.wilson_interval(s.hits, s.said) a, LATERAL visclf.wilson_interval(s.hits, s.given) b
			GROUP BY s.place)
		SELECT g.groups, g.images, g.failed, g.hits::float8 / nullif(g.images, 0), w.low, w.high, t.macro_f1, g.loss, t.per_class
		FROM (SELECT p.place, p.groups, count(p.said) AS images, count(*) - count(p.said) AS failed,
				count(*) FILTER (WHERE p.given = p.said) AS hits, avg(p.loss) AS loss
			  FROM placed p GROUP BY p.place, p.groups) g
		JOIN told t ON t.place IS NOT DISTINCT FROM g.place
		CROSS JOIN LATERAL visclf.wilson_interval(g.hits, g.images) w
		ORDER BY g.place NULLS LAST
		$query$, coalesce(pairs, ''),
			(SELECT 'ORDER BY ' || string_agg('g' || b.place, ', ' ORDER BY b.place) FROM unnest(by) WITH ORDINALITY b(name, place)),
			keys, label_column, image_column, source)
		USING model, classes, by;
END
$$;
COMMENT ON FUNCTION visclf.evaluate(text, regclass, name, name, text[]) IS
'how good the active version is on other labelled rows (those whose label is not NULL), for each group of the columns of by, then for all (groups {}): images classified and failed, accuracy with its 95 % interval by Wilson, the mean F1 of the classes that were given or said, cross entropy in nats, and figures of each class. The rows should not have been trained on';

---------------------------------------------------------------------------
-- How many images are of each class, corrected for the model's errors
---------------------------------------------------------------------------

CREATE FUNCTION visclf.prevalence(
	model			text,
	predictions		regclass,
	by				text[] DEFAULT '{}',
	method			text DEFAULT 'acc',
	label_column	name DEFAULT 'label',
	probabilities_column name DEFAULT 'probabilities',
	error_column	name DEFAULT 'error',
	confidence		float8 DEFAULT 0.95,
	resamples		int DEFAULT 1000,
	seed			bigint DEFAULT 42,
	OUT groups jsonb, OUT class text, OUT images bigint, OUT failed bigint, OUT raw_share float8,
	OUT share float8, OUT low float8, OUT high float8, OUT estimate float8, OUT warning text)
RETURNS SETOF record
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'visclf_prevalence';
COMMENT ON FUNCTION visclf.prevalence(text, regclass, text[], text, name, name, name, float8, int, bigint) IS
'the share of each class in each group of a table or view of predictions: as counted (raw_share) and corrected by the errors that the active version makes on its validation images, with an interval and with what is to be doubted. Shares are of the images classified (images; failed ones beside them), estimate is share * images. Methods: cc, pcc, acc, pacc, emq';

CREATE TYPE visclf.share_estimate AS (
	images		bigint,
	failed		bigint,
	raw_share	float8,
	share		float8,
	low			float8,
	high		float8,
	estimate	float8,
	warning		text
);
COMMENT ON TYPE visclf.share_estimate IS
'the share of one class among the images classified: as counted, corrected, the 95 % interval, share * images, and what is to be doubted; columns as in visclf.prevalence';

CREATE FUNCTION visclf.corrected_share_add(state internal, model text, label text, class text) RETURNS internal
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'visclf_corrected_share_add';
COMMENT ON FUNCTION visclf.corrected_share_add(internal, text, text, text) IS
'transition of the aggregate visclf.corrected_share';

CREATE FUNCTION visclf.corrected_share_add(state internal, model text, label text, class text, method text, probabilities real[])
RETURNS internal
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'visclf_corrected_share_add';
COMMENT ON FUNCTION visclf.corrected_share_add(internal, text, text, text, text, real[]) IS
'transition of the aggregate visclf.corrected_share';

CREATE FUNCTION visclf.corrected_share_end(state internal) RETURNS visclf.share_estimate
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'visclf_corrected_share_end';
COMMENT ON FUNCTION visclf.corrected_share_end(internal) IS
'end of the aggregate visclf.corrected_share';

CREATE AGGREGATE visclf.corrected_share(model text, label text, class text) (
	SFUNC = visclf.corrected_share_add,
	STYPE = internal,
	FINALFUNC = visclf.corrected_share_end);
COMMENT ON AGGREGATE visclf.corrected_share(text, text, text) IS
'the share of one class in a group, from the predicted labels of its images (NULL: not classified), corrected by the errors of the active version: method acc of visclf.prevalence with its defaults, for GROUP BY';

CREATE AGGREGATE visclf.corrected_share(model text, label text, class text, method text, probabilities real[]) (
	SFUNC = visclf.corrected_share_add,
	STYPE = internal,
	FINALFUNC = visclf.corrected_share_end);
COMMENT ON AGGREGATE visclf.corrected_share(text, text, text, text, real[]) IS
'the same by any method of visclf.prevalence; pcc, pacc and emq look at the probabilities, which is what they need memory for';

---------------------------------------------------------------------------
-- To look at and to show
---------------------------------------------------------------------------

CREATE FUNCTION visclf.thumbnail(image bytea, size int DEFAULT 160) RETURNS bytea
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10000
AS 'MODULE_PATHNAME', 'visclf_thumbnail';
COMMENT ON FUNCTION visclf.thumbnail(bytea, int) IS
'a small JPEG of an image, upright, no side longer than size pixels (1 to 1024); NULL for an image that cannot be decoded';

CREATE FUNCTION visclf.contact_sheet(
	source			regclass,
	show			text DEFAULT 'sample',
	model			text DEFAULT NULL,
	predictions		regclass DEFAULT NULL,
	key_column		name DEFAULT 'id',
	image_column	name DEFAULT 'image',
	label_column	name DEFAULT 'label',
	confidence_column name DEFAULT 'confidence',
	n				int DEFAULT 24,
	columns			int DEFAULT 6,
	size			int DEFAULT 160,
	title			text DEFAULT NULL,
	seed			bigint DEFAULT 42)
RETURNS text
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'visclf_contact_sheet';
COMMENT ON FUNCTION visclf.contact_sheet(regclass, text, text, regclass, name, name, name, name, int, int, int, text, bigint) IS
'pictures of n rows of a table or view with their labels, as one SVG image: a sample of all rows, the validation images that a model is most wrong about (show => ''top_losses''), or those that it is least sure of (''least_confident'')';

CREATE FUNCTION visclf.report(
	model			text,
	predictions		regclass,
	year_column		name,
	place_column	name DEFAULT NULL,
	source			regclass DEFAULT NULL,
	key_column		name DEFAULT 'id',
	image_column	name DEFAULT 'image',
	label_column	name DEFAULT 'label',
	confidence_column name DEFAULT 'confidence',
	probabilities_column name DEFAULT 'probabilities',
	error_column	name DEFAULT 'error',
	classes			text[] DEFAULT NULL,
	method			text DEFAULT 'acc',
	confidence		float8 DEFAULT 0.95,
	resamples		int DEFAULT 1000,
	pictures		int DEFAULT 12,
	title			text DEFAULT NULL,
	seed			bigint DEFAULT 42)
RETURNS text
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'visclf_report';
COMMENT ON FUNCTION visclf.report(text, regclass, name, name, regclass, name, name, name, name, name, name, text[], text, float8, int, int, text, bigint) IS
'one self-contained HTML page about what a model counts in a table or view of predictions: the corrected share of each class with its interval by year, by place and by both beside the share as counted, what to doubt, pictures of what it is most wrong about and least sure of, what the model is and how it errs';

---------------------------------------------------------------------------
-- Weights from and to other programs
---------------------------------------------------------------------------

CREATE FUNCTION visclf.import_model(
	name			text,
	safetensors		bytea,
	architecture	text DEFAULT NULL,
	classes			text[] DEFAULT NULL,
	image_size		int DEFAULT NULL,
	resize			text DEFAULT NULL,
	mean			real[] DEFAULT NULL,
	std				real[] DEFAULT NULL,
	multi_label		boolean DEFAULT NULL,
	thresholds		real[] DEFAULT NULL)
RETURNS int
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'visclf_import_model';
COMMENT ON FUNCTION visclf.import_model(text, bytea, text, text[], int, text, real[], real[], boolean, real[]) IS
'makes a ready version of a model from the bytes of a safetensors file with the tensor names of torchvision, timm, fastai, akamaster''s CIFAR networks or visclf itself; what is left NULL comes from the file''s metadata or the architecture''s usual values. Returns the model_id';

CREATE FUNCTION visclf.calibrate_int8(
	model			text,
	source			regclass,
	image_column	name DEFAULT 'image',
	images			int DEFAULT 1000)
RETURNS real
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'visclf_calibrate_int8';
COMMENT ON FUNCTION visclf.calibrate_int8(text, regclass, name, int) IS
'has the active version of a model that was imported, or trained on a GPU, run in int8 on the CPU: of as many images of a table or view, at random, 64 set the ranges of its activations; returns the share of the others, 0 to 1, of which int8 says the same as float32, which the version keeps as int8_agreement. For the model''s owner';

CREATE FUNCTION visclf.export_model(model text) RETURNS bytea
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'visclf_export_model';
COMMENT ON FUNCTION visclf.export_model(text) IS
'the active version of a model as the bytes of a safetensors file: float32 tensors under torchvision''s names; classes, image size, resize, mean, std, and whether it is multi-label and its thresholds, in its metadata';

---------------------------------------------------------------------------
-- Sharing, choosing, dropping
---------------------------------------------------------------------------

CREATE PROCEDURE visclf.share(model text, grantee name)
LANGUAGE c AS 'MODULE_PATHNAME', 'visclf_share';
COMMENT ON PROCEDURE visclf.share(text, name) IS
'lets a role, or everyone (public), read and classify with every ready version of a model; for its owner';

CREATE PROCEDURE visclf.unshare(model text, grantee name)
LANGUAGE c AS 'MODULE_PATHNAME', 'visclf_unshare';
COMMENT ON PROCEDURE visclf.unshare(text, name) IS
'takes back what visclf.share gave; for the model''s owner';

CREATE PROCEDURE visclf.activate(model text, version int)
LANGUAGE c AS 'MODULE_PATHNAME', 'visclf_activate';
COMMENT ON PROCEDURE visclf.activate(text, int) IS
'makes a ready version the one that classify uses; for the model''s owner';

CREATE PROCEDURE visclf.drop_model(model text, version int DEFAULT NULL)
LANGUAGE c AS 'MODULE_PATHNAME', 'visclf_drop_model';
COMMENT ON PROCEDURE visclf.drop_model(text, int) IS
'deletes one version of a model, or all of them; for its owner';

---------------------------------------------------------------------------
-- What there is
---------------------------------------------------------------------------

CREATE FUNCTION visclf.devices(
	OUT device text, OUT index int, OUT name text, OUT library text,
	OUT usable boolean, OUT reason text, OUT threads int,
	OUT memory bigint, OUT memory_free bigint, OUT detail text)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'visclf_devices';
COMMENT ON FUNCTION visclf.devices() IS
'what this machine can compute on, a row a device; where one cannot be used, the reason and what to do. Memory in bytes';

CREATE FUNCTION visclf.image_info(image bytea,
	OUT format text, OUT width int, OUT height int, OUT components int,
	OUT color_space text, OUT orientation int, OUT progressive boolean, OUT error text)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'visclf_image_info';
COMMENT ON FUNCTION visclf.image_info(bytea) IS
'what the header of an image says, without decoding it: pixels after the EXIF orientation is applied; error alone where it is no image that visclf reads';
