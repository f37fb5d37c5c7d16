-- What CREATE EXTENSION visclf runs: rows first, then rights, then functions.

\echo Use "CREATE EXTENSION visclf" to load this file. \quit

-- The owner of the schema could put functions beside the extension's, to be
-- called in their place. So could a role that has put some there before.
DO $$
DECLARE
	stranger text := (SELECT r.rolname FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles r ON r.oid = n.nspowner
					  WHERE n.nspname = 'visclf' AND NOT r.rolsuper AND r.rolname <> current_user);
BEGIN
	IF stranger IS NOT NULL THEN
		RAISE EXCEPTION 'schema visclf belongs to role "%"', stranger
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Drop it, and CREATE EXTENSION makes it; or give it to a superuser.';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON d.refobjid = e.oid
				   WHERE d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'visclf')
		AND EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.refclassid = 'pg_catalog.pg_namespace'::regclass
					AND d.refobjid = 'visclf'::regnamespace AND d.classid <> 'pg_catalog.pg_extension'::regclass) THEN
		RAISE EXCEPTION 'there is something in schema visclf that is not of the extension'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Drop the schema, and CREATE EXTENSION makes it.';
	END IF;
END
$$;

---------------------------------------------------------------------------
-- Roles as values
---------------------------------------------------------------------------

CREATE TYPE visclf.role;
CREATE FUNCTION visclf.role_in(cstring) RETURNS visclf.role
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'visclf_role_in';
CREATE FUNCTION visclf.role_out(visclf.role) RETURNS cstring
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'visclf_role_out';
CREATE FUNCTION visclf.role_recv(internal) RETURNS visclf.role
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'visclf_role_recv';
CREATE FUNCTION visclf.role_send(visclf.role) RETURNS bytea
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'visclf_role_send';
CREATE TYPE visclf.role (
	INPUT = visclf.role_in,
	OUTPUT = visclf.role_out,
	RECEIVE = visclf.role_recv,
	SEND = visclf.role_send,
	LIKE = oid
);
COMMENT ON TYPE visclf.role IS
'a role. It is stored as an OID, so that it survives a rename and is never taken for a later role of the same name. It is read and written as a name, so that dumps and replication can carry it. public means everyone. Unknown names and dropped roles are nobody, written as an empty string';
COMMENT ON FUNCTION visclf.role_in(cstring) IS 'input of visclf.role';
COMMENT ON FUNCTION visclf.role_out(visclf.role) IS 'output of visclf.role';
COMMENT ON FUNCTION visclf.role_recv(internal) IS 'binary input of visclf.role';
COMMENT ON FUNCTION visclf.role_send(visclf.role) IS 'binary output of visclf.role: the name';
CREATE CAST (visclf.role AS oid) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (oid AS visclf.role) WITHOUT FUNCTION;

---------------------------------------------------------------------------
-- Models as rows
--
-- What roles read is partitioned, for the sake of dumps: row-level security is
-- on the partitioned table, the rows are in its only partition, which has none.
-- pg_dump reads that, and needs no right to pass row-level security by.  No
-- foreign keys: pg_restore -j loads tables in any order.
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
	owner_role	visclf.role NOT NULL DEFAULT ''
) PARTITION BY LIST (model_id);
CREATE TABLE visclf.model_rows PARTITION OF visclf.model DEFAULT;
ALTER TABLE visclf.model_rows ADD UNIQUE (name, version);
CREATE UNIQUE INDEX model_active ON visclf.model_rows (name) WHERE active;
COMMENT ON TABLE visclf.model IS 'versions of trained models; a version never changes once it is ready';
COMMENT ON COLUMN visclf.model.owner IS 'name of the owner when the version was trained; visclf.models has the current name';
COMMENT ON COLUMN visclf.model.owner_role IS 'owner; members of this role may share and drop the model';
COMMENT ON COLUMN visclf.model.active IS 'true for the version that classify uses; at most one for each name';
COMMENT ON COLUMN visclf.model.classes IS 'labels, in the order of the network''s outputs';
COMMENT ON COLUMN visclf.model.multi_label IS 'true if an image has any number of the classes; false if exactly one';
COMMENT ON COLUMN visclf.model.thresholds IS 'least probability at which an image counts as having the class, for each class, chosen for the best F1 on the validation images; NULL: 0.5, or not multi-label';
COMMENT ON COLUMN visclf.model.image_size IS 'side of the square that images are resized to, pixels';
COMMENT ON COLUMN visclf.model.mean IS 'mean of red, green, blue (0 to 1), subtracted from the input';
COMMENT ON COLUMN visclf.model.std IS 'standard deviation of red, green, blue; the input is divided by it';
COMMENT ON COLUMN visclf.model.activation_ranges IS 'largest absolute output of each node of the network on training images, for int8; NULL: not calibrated';
COMMENT ON COLUMN visclf.model.int8_agreement IS 'share of the validation images for which int8 predicts the same as float32, 0 to 1';
COMMENT ON COLUMN visclf.model.parent_id IS 'model_id of the version that the training started from; it may have been dropped';
COMMENT ON COLUMN visclf.model.progress IS 'position from which visclf.resume continues; NULL if the version is ready';

CREATE TABLE visclf.weight (
	model_id	int NOT NULL,
	name		text NOT NULL,
	shape		int[] NOT NULL,
	data		bytea NOT NULL,
	PRIMARY KEY (model_id, name)
) PARTITION BY LIST (model_id);
CREATE TABLE visclf.weight_rows PARTITION OF visclf.weight DEFAULT;
ALTER TABLE visclf.weight_rows ALTER COLUMN data SET STORAGE EXTERNAL;
COMMENT ON TABLE visclf.weight IS 'tensors of models, one row each, under torchvision''s names';
COMMENT ON COLUMN visclf.weight.shape IS 'as in torchvision: out, in, height, width for a convolution';
COMMENT ON COLUMN visclf.weight.data IS 'float32, little endian, row-major';

CREATE TABLE visclf.optimizer_state (
	model_id	int NOT NULL,
	name		text NOT NULL,
	first_moment bytea NOT NULL,
	second_moment bytea NOT NULL,
	PRIMARY KEY (model_id, name)
) PARTITION BY LIST (model_id);
CREATE TABLE visclf.optimizer_state_rows PARTITION OF visclf.optimizer_state DEFAULT;
ALTER TABLE visclf.optimizer_state_rows ALTER COLUMN first_moment SET STORAGE EXTERNAL;
ALTER TABLE visclf.optimizer_state_rows ALTER COLUMN second_moment SET STORAGE EXTERNAL;
COMMENT ON TABLE visclf.optimizer_state IS 'Adam''s averages of unfinished trainings, so that they can be resumed';

CREATE TABLE visclf.epoch (
	model_id	int NOT NULL,
	phase		text NOT NULL,
	epoch		int NOT NULL,
	train_loss	real NOT NULL,
	valid_loss	real,
	accuracy	real,
	f1_score	real,
	images		int NOT NULL,
	duration	interval NOT NULL,
	finished_at	timestamptz NOT NULL DEFAULT clock_timestamp(),
	fold		int NOT NULL DEFAULT 0,
	PRIMARY KEY (model_id, fold, phase, epoch)
) PARTITION BY LIST (model_id);
CREATE TABLE visclf.epoch_rows PARTITION OF visclf.epoch DEFAULT;
COMMENT ON TABLE visclf.epoch IS 'one row for each epoch of training, written as it ends; read it through visclf.training_log';
COMMENT ON COLUMN visclf.epoch.fold IS 'fold that is held out, from 1; 0: training of the version itself. With folds that training holds out nothing, so valid_loss and accuracy are NULL';

CREATE TABLE visclf.validation (
	model_id	int NOT NULL,
	row_number	int NOT NULL,
	key			text,
	label		text,
	predicted	text,
	labels		text[],
	predicted_labels text[],
	probabilities real[] NOT NULL,
	loss		real NOT NULL,
	group_key	text,
	fold		int,
	PRIMARY KEY (model_id, row_number),
	CHECK (CASE WHEN labels IS NULL THEN num_nulls(label, predicted) = 0 AND predicted_labels IS NULL
		   ELSE num_nonnulls(label, predicted) = 0 AND predicted_labels IS NOT NULL END)
) PARTITION BY LIST (model_id);
CREATE TABLE visclf.validation_rows PARTITION OF visclf.validation DEFAULT;
COMMENT ON TABLE visclf.validation IS 'predictions for labelled images by a network that was not trained on them: for held out images by the finished model; with folds, for every image by the network that held out its fold';
COMMENT ON COLUMN visclf.validation.key IS 'the row''s key_column as text; NULL if the training had none';
COMMENT ON COLUMN visclf.validation.label IS 'true class; NULL for a multi-label model, as is predicted';
COMMENT ON COLUMN visclf.validation.labels IS 'true classes, for a multi-label model; otherwise NULL, as is predicted_labels';
COMMENT ON COLUMN visclf.validation.probabilities IS 'probability of each class, in the order of visclf.model.classes; those of a multi-label model do not add up to 1';
COMMENT ON COLUMN visclf.validation.group_key IS 'the row''s group_column as text; NULL if the training had none';
COMMENT ON COLUMN visclf.validation.fold IS 'from 1; NULL if the training had no folds';
COMMENT ON COLUMN visclf.validation.loss IS 'cross entropy in nats; for multi-label models the mean over classes of the binary cross entropy';

CREATE TABLE visclf.model_share (
	name		text NOT NULL,
	owner		name NOT NULL,
	grantee		name NOT NULL,
	owner_role	visclf.role NOT NULL DEFAULT '',
	grantee_role visclf.role NOT NULL DEFAULT '',
	PRIMARY KEY (name, owner, grantee)
) PARTITION BY LIST (name);
CREATE TABLE visclf.model_share_rows PARTITION OF visclf.model_share DEFAULT;
COMMENT ON TABLE visclf.model_share IS 'roles that may read the models of a name, beside the owner; "public" is everyone';
COMMENT ON COLUMN visclf.model_share.owner IS 'name of the owner when it shared the model';
COMMENT ON COLUMN visclf.model_share.grantee IS 'name of the role when the model was shared with it';
COMMENT ON COLUMN visclf.model_share.grantee_role IS 'role that may read';

CREATE TABLE visclf.label (
	source		text NOT NULL,
	key			text NOT NULL,
	labels		text[],
	label		text GENERATED ALWAYS AS (CASE WHEN cardinality(labels) = 1 THEN labels[1] END) STORED,
	labeller	text NOT NULL,
	labelled_at	timestamptz NOT NULL,
	read_at		timestamptz NOT NULL DEFAULT clock_timestamp(),
	owner_role	visclf.role NOT NULL DEFAULT ''
) PARTITION BY LIST (source);
CREATE TABLE visclf.label_rows PARTITION OF visclf.label DEFAULT;
ALTER TABLE visclf.label_rows ADD PRIMARY KEY (owner_role, source, key, labeller);
COMMENT ON TABLE visclf.label IS 'labels that people gave, one row for each picture and labeller, read by visclf.read_labels';
COMMENT ON COLUMN visclf.label.source IS 'table or view of the picture, as in SQL';
COMMENT ON COLUMN visclf.label.key IS 'the row''s key_column as text';
COMMENT ON COLUMN visclf.label.labels IS 'classes of the picture; NULL: the labeller cannot tell; empty: none of them';
COMMENT ON COLUMN visclf.label.label IS 'the class, if there is exactly one; else NULL';
COMMENT ON COLUMN visclf.label.owner_role IS 'role that read it in; its members see it';

CREATE TABLE visclf.model_name (
	name		text PRIMARY KEY,
	owner_role	visclf.role NOT NULL
);
COMMENT ON TABLE visclf.model_name IS 'owner of each name of models, as long as the name has a version';

DO $$
DECLARE
	part text;
BEGIN
	FOREACH part IN ARRAY '{model, weight, optimizer_state, epoch, validation, model_share, label}'::text[] LOOP
		EXECUTE format('COMMENT ON TABLE visclf.%I IS %L', part || '_rows',
			'the rows of visclf.' || part || ': for dumps; read and written through that');
		PERFORM pg_catalog.pg_extension_config_dump(format('visclf.%I', part || '_rows')::regclass, '');
	END LOOP;
END
$$;
SELECT pg_catalog.pg_extension_config_dump('visclf.model_name', '');
SELECT pg_catalog.pg_extension_config_dump('visclf.model_model_id_seq', '');

-- What hangs on a version goes with it, the name and its shares with the last one.
CREATE FUNCTION visclf.delete_with_version() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM visclf.weight w WHERE w.model_id = OLD.model_id;
	DELETE FROM visclf.optimizer_state o WHERE o.model_id = OLD.model_id;
	DELETE FROM visclf.epoch e WHERE e.model_id = OLD.model_id;
	DELETE FROM visclf.validation v WHERE v.model_id = OLD.model_id;
	IF NOT EXISTS (SELECT FROM visclf.model m WHERE m.name = OLD.name) THEN
		DELETE FROM visclf.model_share s WHERE s.name = OLD.name;
		DELETE FROM visclf.model_name n WHERE n.name = OLD.name;
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION visclf.delete_with_version() IS
'trigger function of visclf.model: deletes the rows that belong to a version';
CREATE TRIGGER delete_with_version AFTER DELETE ON visclf.model
	FOR EACH ROW EXECUTE FUNCTION visclf.delete_with_version();

---------------------------------------------------------------------------
-- Rights: private by default
---------------------------------------------------------------------------

CREATE FUNCTION visclf.acts_as(role visclf.role) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'visclf_acts_as';
COMMENT ON FUNCTION visclf.acts_as(visclf.role) IS
'returns true if the current role has the rights of another. The rights of a dropped role pass to superusers, the owner of the database, and members of the owner of the extension';

CREATE FUNCTION visclf.model_owner(model text) RETURNS name
LANGUAGE sql STABLE STRICT SECURITY DEFINER PARALLEL SAFE
BEGIN ATOMIC
	SELECT nullif(m.owner_role::text, '')::name FROM visclf.model m WHERE m.name = model LIMIT 1;
END;
COMMENT ON FUNCTION visclf.model_owner(text) IS
'returns the owner of a model''s name, even if its models are hidden from the caller; NULL if the name is free or the role was dropped';

-- Which versions the current role reads.  A view reads as its owner.
CREATE VIEW visclf.readable WITH (security_barrier = true) AS
SELECT m.model_id FROM visclf.model_rows m
WHERE visclf.acts_as(m.owner_role) OR (m.status = 'ready' AND EXISTS (
	SELECT FROM visclf.model_share_rows s
	WHERE s.name = m.name AND s.owner_role = m.owner_role AND visclf.acts_as(s.grantee_role)));
COMMENT ON VIEW visclf.readable IS
'versions that the current role may read: its own, and ready ones that are shared with it';

GRANT USAGE ON SCHEMA visclf TO PUBLIC;
-- Roles read; only the extension's functions write, after they have checked
-- whose model it is.
GRANT SELECT ON visclf.model, visclf.weight, visclf.optimizer_state,
	visclf.epoch, visclf.validation, visclf.model_share, visclf.label, visclf.readable TO PUBLIC;

-- A training names what it is trained on. Its code runs as the role that resumes it.
CREATE FUNCTION visclf.forget_source() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	NEW.hyperparameters := NEW.hyperparameters - 'source';
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION visclf.forget_source() IS
'trigger function of visclf.model: an unfinished training that is written by somebody who does not act as its owner, as in a restore by the owner of the database, cannot be resumed';
CREATE TRIGGER forget_source BEFORE INSERT ON visclf.model
	FOR EACH ROW WHEN (NEW.status <> 'ready' AND NOT visclf.acts_as(NEW.owner_role))
	EXECUTE FUNCTION visclf.forget_source();

-- The owner of the database dumps and restores.
GRANT SELECT, INSERT ON visclf.model_rows, visclf.weight_rows, visclf.optimizer_state_rows,
	visclf.epoch_rows, visclf.validation_rows, visclf.model_share_rows, visclf.label_rows, visclf.model_name TO pg_database_owner;
GRANT SELECT, UPDATE ON SEQUENCE visclf.model_model_id_seq TO pg_database_owner;

ALTER TABLE visclf.model ENABLE ROW LEVEL SECURITY;
ALTER TABLE visclf.weight ENABLE ROW LEVEL SECURITY;
ALTER TABLE visclf.optimizer_state ENABLE ROW LEVEL SECURITY;
ALTER TABLE visclf.epoch ENABLE ROW LEVEL SECURITY;
ALTER TABLE visclf.validation ENABLE ROW LEVEL SECURITY;
ALTER TABLE visclf.model_share ENABLE ROW LEVEL SECURITY;
ALTER TABLE visclf.label ENABLE ROW LEVEL SECURITY;

CREATE POLICY reads ON visclf.model FOR SELECT
	USING (EXISTS (SELECT FROM visclf.readable r WHERE r.model_id = model.model_id));
CREATE POLICY reads ON visclf.weight FOR SELECT
	USING (EXISTS (SELECT FROM visclf.readable r WHERE r.model_id = weight.model_id));
CREATE POLICY reads ON visclf.optimizer_state FOR SELECT
	USING (EXISTS (SELECT FROM visclf.readable r WHERE r.model_id = optimizer_state.model_id));
CREATE POLICY reads ON visclf.epoch FOR SELECT
	USING (EXISTS (SELECT FROM visclf.readable r WHERE r.model_id = epoch.model_id));
CREATE POLICY reads ON visclf.validation FOR SELECT
	USING (EXISTS (SELECT FROM visclf.readable r WHERE r.model_id = validation.model_id));
CREATE POLICY reads ON visclf.label FOR SELECT
	USING (visclf.acts_as(owner_role));
CREATE POLICY reads ON visclf.model_share FOR SELECT
	USING (visclf.acts_as(owner_role) OR visclf.acts_as(grantee_role));

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
	validation_share float8 DEFAULT NULL,
	seed			bigint DEFAULT 42,
	folds			int DEFAULT NULL)
LANGUAGE c AS 'MODULE_PATHNAME', 'visclf_train';
COMMENT ON PROCEDURE visclf.train(text, regclass, name, name, name, name, name, text, text, text, text, int, text, text, text, int, int,
	float8, float8, float8, float8, int, float8, bigint, int) IS
'trains a new version of a model on the rows of a table or view whose label is not NULL, as fastai''s fine_tune does. Commits after each epoch unless called inside a transaction block. With folds, every image is predicted by a network that was not trained on it, and the version is trained on all images';

CREATE PROCEDURE visclf.resume(model text)
LANGUAGE c AS 'MODULE_PATHNAME', 'visclf_resume';
COMMENT ON PROCEDURE visclf.resume(text) IS
'continues the latest unfinished training of a model from its last checkpoint. The result equals that of an uninterrupted training';

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
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'visclf_lr_find';
COMMENT ON FUNCTION visclf.lr_find(regclass, name, name, name, name, text, text, text, int, text, text, text,
	float8, float8, int, float8, bigint, float8, float8, int) IS
'tries learning rates from start_lr to end_lr in a mock training, one for each step, as fastai''s lr_find. Returns one row for each step with the smoothed training loss in nats; valley and steep mark the rates that fastai suggests by these names';

CREATE VIEW visclf.models WITH (security_barrier = true) AS
SELECT m.name AS model, m.version, m.active,
	CASE WHEN m.status = 'training' AND NOT EXISTS (
			SELECT FROM pg_catalog.pg_locks l
			WHERE l.locktype = 'object' AND l.granted AND l.objsubid = 0
			  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d
								WHERE d.datname = pg_catalog.current_database())
			  AND l.classid = 'visclf.model'::pg_catalog.regclass
			  AND l.objid::bigint = m.model_id)
		 THEN CASE WHEN pg_catalog.pg_is_in_recovery() OR EXISTS (
				SELECT FROM pg_catalog.pg_subscription_rel s
				WHERE s.srrelid IN ('visclf.model'::pg_catalog.regclass, 'visclf.model_rows'::pg_catalog.regclass))
			  THEN 'running elsewhere' ELSE 'interrupted' END
		 ELSE m.status END AS status,
	nullif(m.owner_role::text, '')::name AS owner, m.architecture, pg_catalog.cardinality(m.classes) AS classes, m.multi_label, m.image_size,
	(m.metrics ->> 'accuracy')::real AS accuracy,
	(m.metrics ->> 'f1_score')::real AS f1_score,
	(m.metrics ->> 'valid_loss')::real AS valid_loss,
	m.int8_agreement,
	(m.metrics ->> 'train_images')::int AS train_images,
	(m.metrics ->> 'valid_images')::int AS valid_images,
	m.device, m.created_at, m.finished_at, m.model_id
FROM visclf.model_rows m JOIN visclf.readable USING (model_id);
COMMENT ON VIEW visclf.models IS
'versions of models that the current role may see. Interrupted ones can be resumed. For rows from another server, "training" means that it runs there. owner is NULL if the role was dropped';

CREATE VIEW visclf.training_log WITH (security_barrier = true) AS
SELECT m.name AS model, m.version, e.fold, e.phase, e.epoch, e.train_loss, e.valid_loss, e.accuracy, e.f1_score,
	pg_catalog.to_char(t.rounded, CASE WHEN t.rounded < '1 hour' THEN 'MI:SS' ELSE 'FMHH24:MI:SS' END) AS time,
	e.images, e.duration, e.finished_at, e.model_id
FROM visclf.epoch_rows e JOIN visclf.model_rows m USING (model_id) JOIN visclf.readable USING (model_id)
CROSS JOIN LATERAL pg_catalog.date_trunc('second', e.duration + interval '0.5 second') t(rounded);
GRANT SELECT ON visclf.models, visclf.training_log TO PUBLIC;
COMMENT ON VIEW visclf.training_log IS
'one row for each epoch, with the columns of fastai''s table: losses in nats; accuracy on the validation images, 0 to 1 (for multi-label models over images and classes, with the mean F1 of the classes); time in minutes and seconds';

---------------------------------------------------------------------------
-- Classifying
---------------------------------------------------------------------------

CREATE TYPE visclf.prediction AS (
	label		text,
	confidence	real,
	labels		text[],
	probabilities real[],
	model_id	int,
	error		text,
	warning		text
);
COMMENT ON TYPE visclf.prediction IS
'the prediction for one image. label and confidence: the likeliest class and its probability. labels: the predicted classes, which is that class alone unless the model is multi-label, and may then be none, with label NULL. probabilities: of all classes, in the order of visclf.model.classes. model_id: the version. warning: what is wrong with an image that could be decoded, for example that it is cut off. error: why an image could not be decoded; the other columns but model_id are then NULL';

CREATE FUNCTION visclf.planner_support(internal) RETURNS internal
LANGUAGE c STRICT
AS 'MODULE_PATHNAME', 'visclf_planner_support';
COMMENT ON FUNCTION visclf.planner_support(internal) IS
'planner support function of visclf.classify and visclf.embed. It lets the planner use parallel workers for tables with enough images, and charge the cost for each row in LATERAL';

CREATE FUNCTION visclf.classify(model text, image bytea) RETURNS visclf.prediction
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100000 SUPPORT visclf.planner_support
AS 'MODULE_PATHNAME', 'visclf_classify';
COMMENT ON FUNCTION visclf.classify(text, bytea) IS
'classifies one image with the active version of a model; NULL for a NULL image. A session remembers the last few images, so (classify(...)).* costs one pass';

CREATE FUNCTION visclf.classify_batch(model text, image bytea) RETURNS visclf.prediction
LANGUAGE c WINDOW STABLE PARALLEL SAFE COST 100000
AS 'MODULE_PATHNAME', 'visclf_classify_batch';
COMMENT ON FUNCTION visclf.classify_batch(text, bytea) IS
'classify as a window function, with OVER () for a whole table. It reads ahead, decodes on all cores and runs the network on batches of visclf.batch_size images. The fast way through many rows';

CREATE PROCEDURE visclf.classify_table(
	model			text,
	source			regclass,
	key_column		name,
	target			text,
	image_column	name DEFAULT 'image',
	replace			boolean DEFAULT false)
LANGUAGE c AS 'MODULE_PATHNAME', 'visclf_classify_table';
COMMENT ON PROCEDURE visclf.classify_table(text, regclass, name, text, name, boolean) IS
'classifies the rows of a table or view whose key has no prediction by the active version yet. Writes the predictions into a table of the caller, creating it if needed: the key, the columns of visclf.prediction, classified_at. Throws if that table has predictions by another model for these keys, unless replace is true. Commits after each batch unless called inside a transaction block';

CREATE FUNCTION visclf.classify_trigger() RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'visclf_classify_trigger';
COMMENT ON FUNCTION visclf.classify_trigger() IS
'trigger function that classifies rows as they are written, BEFORE INSERT OR UPDATE FOR EACH ROW. Arguments: the model''s name; the column of the image, by default image; the column of type visclf.prediction to set, by default prediction';

CREATE FUNCTION visclf.embed(model text, image bytea) RETURNS real[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100000 SUPPORT visclf.planner_support
AS 'MODULE_PATHNAME', 'visclf_embed';
COMMENT ON FUNCTION visclf.embed(text, bytea) IS
'returns the pooled features before the model''s head, to compare pictures by (1024 numbers for resnet18 with the concat head); NULL for an image that cannot be decoded';

---------------------------------------------------------------------------
-- How good a model is, from the images that were held out of its training
---------------------------------------------------------------------------

CREATE FUNCTION visclf.active_version(model text, multi_label boolean DEFAULT NULL, validated boolean DEFAULT false) RETURNS int
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'visclf_active_version';
COMMENT ON FUNCTION visclf.active_version(text, boolean, boolean) IS
'returns the model_id of the version that classify uses. Throws if the current role may use none of that name; with multi_label, if the version is of the other kind; with validated, if it has no validation images';

CREATE FUNCTION visclf.version_classes(model_id int) RETURNS text[]
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET row_security = on
BEGIN ATOMIC
	SELECT m.classes FROM visclf.model m WHERE m.model_id = version_classes.model_id;
END;
COMMENT ON FUNCTION visclf.version_classes(int) IS
'returns the classes of a version that the current role may read, in the order of the network''s outputs; NULL if there is none';

CREATE FUNCTION visclf.wilson_interval(hits bigint, trials bigint, OUT low float8, OUT high float8)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'visclf_wilson_interval';
COMMENT ON FUNCTION visclf.wilson_interval(bigint, bigint) IS
'returns the 95 % interval of a share, from hits of trials (Wilson 1927); NULL for no trials';

CREATE FUNCTION visclf.confusion_matrix(model text, OUT label text, OUT predicted text, OUT images bigint)
RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
SET row_security = on
BEGIN ATOMIC
	SELECT l.class, p.class, count(v.model_id)
	FROM visclf.model m
	CROSS JOIN LATERAL unnest(m.classes) WITH ORDINALITY l(class, place)
	CROSS JOIN LATERAL unnest(m.classes) WITH ORDINALITY p(class, place)
	LEFT JOIN visclf.validation v ON v.model_id = m.model_id AND v.label = l.class AND v.predicted = p.class
	WHERE m.model_id = visclf.active_version(model, false, true)
	GROUP BY l.class, l.place, p.class, p.place
	ORDER BY l.place, p.place;
END;
COMMENT ON FUNCTION visclf.confusion_matrix(text) IS
'counts the validation images of the active version by true and predicted class: one row for each pair, zeros too, in the order of visclf.model.classes. Not for multi-label models';

CREATE FUNCTION visclf.classification_report(model text, OUT class text,
	OUT "precision" float8, OUT precision_low float8, OUT precision_high float8,
	OUT recall float8, OUT recall_low float8, OUT recall_high float8,
	OUT f1_score float8, OUT support bigint)
RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
SET row_security = on
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
		WHERE m.model_id = visclf.active_version(model, NULL, true)
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
		WHERE m.model_id = visclf.active_version(model, NULL, true)
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
'returns precision, recall and F1 of each class on the validation images of the active version, as scikit-learn''s report, with 95 % intervals by Wilson; then accuracy (micro avg for a multi-label model), macro avg and weighted avg. A ratio is 0 if its denominator is 0';

CREATE FUNCTION visclf.top_losses(model text, n int DEFAULT 10, OUT key text, OUT label text, OUT predicted text,
	OUT confidence real, OUT loss real)
RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
SET row_security = on
BEGIN ATOMIC
	SELECT v.key, coalesce(v.label, array_to_string(v.labels, ', ')), coalesce(v.predicted, array_to_string(v.predicted_labels, ', ')),
		(SELECT max(p) FROM unnest(v.probabilities) p), v.loss
	FROM visclf.validation v WHERE v.model_id = visclf.active_version(model, NULL, true)
	ORDER BY v.loss DESC, v.row_number LIMIT n;
END;
COMMENT ON FUNCTION visclf.top_losses(text, int) IS
'returns the n validation images of the active version with the largest loss: key, true and predicted class, largest probability, loss in nats';

CREATE FUNCTION visclf.calibration(model text, bins int DEFAULT 10, OUT bin int, OUT confidence_low float8, OUT confidence_high float8,
	OUT images bigint, OUT confidence float8, OUT accuracy float8)
RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
SET row_security = on
BEGIN ATOMIC
	WITH answered AS (
		SELECT p.probability, v.label = v.predicted AS is_right
		FROM visclf.validation v CROSS JOIN LATERAL (SELECT max(p)::float8 AS probability FROM unnest(v.probabilities) p) p
		WHERE v.model_id = visclf.active_version(model, NULL, true) AND v.label IS NOT NULL
		UNION ALL
		SELECT p.probability::float8, m.classes[p.place] = ANY (v.labels)
		FROM visclf.validation v JOIN visclf.model m USING (model_id)
		CROSS JOIN LATERAL unnest(v.probabilities) WITH ORDINALITY p(probability, place)
		WHERE v.model_id = visclf.active_version(model, NULL, true) AND v.labels IS NOT NULL)
	SELECT b.bin, (b.bin - 1)::float8 / bins, b.bin::float8 / bins, count(a.probability), avg(a.probability), avg(a.is_right::int)::float8
	FROM generate_series(1, bins) b(bin)
	LEFT JOIN answered a ON b.bin = least(bins, floor(a.probability * bins)::int + 1)
	GROUP BY b.bin ORDER BY b.bin;
END;
COMMENT ON FUNCTION visclf.calibration(text, int) IS
'compares confidence with accuracy: puts the active version''s answers for validation images into bins of equal width by probability; returns the mean probability and the share of right answers of each bin. An answer is the likeliest class of an image; for a multi-label model, the prediction for each class of each image';

CREATE FUNCTION visclf.column_expression(source regclass, "column" name, option text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'visclf_column_expression';
COMMENT ON FUNCTION visclf.column_expression(regclass, name, text) IS
'returns SQL that reads a column of a relation with alias s, as the option needs it: as bytea (image_column), for grouping (by), or as text. It runs no cast that belongs to the owner of a type. Locks the relation against changes until the transaction ends';

CREATE FUNCTION visclf.evaluate(model text, source regclass, image_column name DEFAULT 'image',
	label_column name DEFAULT 'label', by text[] DEFAULT '{}',
	OUT groups jsonb, OUT images bigint, OUT failed bigint, OUT accuracy float8, OUT accuracy_low float8,
	OUT accuracy_high float8, OUT macro_f1 float8, OUT loss float8, OUT per_class jsonb)
RETURNS SETOF record
LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	active_id int := visclf.active_version(model, false);
	classes text[] := visclf.version_classes(active_id);
	image text := visclf.column_expression(source, image_column, 'image_column');
	label text := visclf.column_expression(source, label_column, 'label_column');
	keys text := (SELECT coalesce(string_agg(format('%s AS g%s, ', visclf.column_expression(source, b.name::name, 'by'), b.place), '' ORDER BY b.place), '')
				  FROM unnest(by) WITH ORDINALITY b(name, place));
	pairs text := (SELECT string_agg(format('%L, g%s', b.name, b.place), ', ' ORDER BY b.place)
				   FROM unnest(by) WITH ORDINALITY b(name, place));
	stranger text;
BEGIN
	-- what is of no class of the model would count as an error that no training can mend
	EXECUTE format('SELECT %1$s FROM %2$s s WHERE NOT %1$s = ANY ($1) LIMIT 1', label, source)
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
			FROM (SELECT %3$s %4$s AS given, visclf.classify_batch($1, %5$s) OVER () AS p
				  FROM %6$s s WHERE s.%7$I IS NOT NULL) r
			WHERE r.given IS NOT NULL),
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
			keys, label, image, source, label_column)
		USING model, classes, by;
END
$$;
COMMENT ON FUNCTION visclf.evaluate(text, regclass, name, name, text[]) IS
'evaluates the active version on other labelled rows (label not NULL), for each group of the columns in by, then for all (groups {}). Returns images classified and failed, accuracy with its 95 % interval by Wilson, mean F1 of the classes that occur, cross entropy in nats, and figures of each class. The rows should not have been trained on';

---------------------------------------------------------------------------
-- How many images are of each class, corrected for the model's errors
---------------------------------------------------------------------------

CREATE FUNCTION visclf.prevalence(
	model			text,
	predictions		regclass,
	by				text[] DEFAULT '{}',
	method			text DEFAULT NULL,
	label_column	name DEFAULT 'label',
	probabilities_column name DEFAULT 'probabilities',
	error_column	name DEFAULT 'error',
	confidence		float8 DEFAULT 0.95,
	resamples		int DEFAULT 1000,
	seed			bigint DEFAULT 42,
	known_column	name DEFAULT 'known',
	key_column		name DEFAULT NULL,
	weight_column	name DEFAULT NULL,
	cluster_column	name DEFAULT NULL,
	OUT groups jsonb, OUT class text, OUT images bigint, OUT failed bigint, OUT raw_share float8,
	OUT share float8, OUT low float8, OUT high float8, OUT estimate float8, OUT warning text,
	OUT labelled bigint, OUT borrowed float8)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'visclf_prevalence';
COMMENT ON FUNCTION visclf.prevalence(text, regclass, text[], text, name, name, name, float8, int, bigint, name, name, name, name) IS
'estimates the share of each class in each group of a table or view of predictions: as counted (raw_share), and corrected, with an interval and with doubts. Images whose label is known (known_column; labelled is their number) count by that label. Method ppi, the default if labels are known, learns the model''s errors from them: in each group as far as its labels reach, beyond that from all groups (borrowed, 0 to 1). key_column finds predictions by a network that was not trained on the image; weight_column is 1 / the probability of being sampled for labelling; cluster_column is what was sampled together. The other methods, cc, pcc, acc (the default without known labels), pacc, emq, correct by the active version''s errors on its validation images. Shares are of the images labelled or classified (images); failed ones are counted beside them; estimate is share * images';

CREATE FUNCTION visclf.change(
	model			text,
	predictions		regclass,
	by				name,
	from_value		text DEFAULT NULL,
	to_value		text DEFAULT NULL,
	method			text DEFAULT NULL,
	label_column	name DEFAULT 'label',
	probabilities_column name DEFAULT 'probabilities',
	error_column	name DEFAULT 'error',
	confidence		float8 DEFAULT 0.95,
	resamples		int DEFAULT 1000,
	seed			bigint DEFAULT 42,
	known_column	name DEFAULT 'known',
	key_column		name DEFAULT NULL,
	weight_column	name DEFAULT NULL,
	cluster_column	name DEFAULT NULL,
	OUT class text, OUT from_group text, OUT to_group text, OUT from_share float8, OUT to_share float8,
	OUT difference float8, OUT low float8, OUT high float8, OUT changed boolean,
	OUT slope float8, OUT slope_low float8, OUT slope_high float8, OUT warning text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'visclf_change';
COMMENT ON FUNCTION visclf.change(text, regclass, name, text, text, text, name, name, name, float8, int, bigint, name, name, name, name) IS
'estimates the change of each class''s share from one group of a column to another (by default the first and the last): the difference, its interval, and whether the interval excludes 0. For a column of numbers or dates, also the slope of the line through all images, for each unit or year, with its interval. The intervals are of the change itself: errors that groups have in common cancel out, which overlapping intervals of shares do not show. With method ppi groups borrow from each other, but not for the change, so that from_share and to_share may be further apart than in visclf.prevalence. Options as there';

CREATE FUNCTION visclf.label_plan(
	model			text,
	predictions		regclass,
	width			float8 DEFAULT 0.05,
	by				text[] DEFAULT '{}',
	label_column	name DEFAULT 'label',
	error_column	name DEFAULT 'error',
	confidence		float8 DEFAULT 0.95,
	known_column	name DEFAULT 'known',
	key_column		name DEFAULT NULL,
	weight_column	name DEFAULT NULL,
	cluster_column	name DEFAULT NULL,
	OUT groups jsonb, OUT images bigint, OUT labelled bigint, OUT class text, OUT width_now float8, OUT more bigint)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'visclf_label_plan';
COMMENT ON FUNCTION visclf.label_plan(text, regclass, float8, text[], name, name, float8, name, name, name, name) IS
'estimates how many more labels of images sampled at random each group needs (more; 0: none), so that every class''s interval by visclf.prevalence, method ppi, is no wider than width, assuming that new labels are like those at hand. Also returns the widest interval now and its class';

CREATE FUNCTION visclf.sample_to_label(
	source			regclass,
	key_column		name,
	n				int,
	by				text[] DEFAULT '{}',
	label_column	name DEFAULT 'label',
	seed			bigint DEFAULT 42,
	OUT key text, OUT groups jsonb, OUT probability float8, OUT weight float8)
RETURNS SETOF record
LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	keys text := (SELECT coalesce(string_agg(format('%s AS g%s, ', visclf.column_expression(source, b.name::name, 'by'), b.place), '' ORDER BY b.place), '')
				  FROM unnest(by) WITH ORDINALITY b(name, place));
	pairs text := (SELECT coalesce(string_agg(format('%L, g%s', b.name, b.place), ', ' ORDER BY b.place), '')
				   FROM unnest(by) WITH ORDINALITY b(name, place));
BEGIN
	IF n < 1 THEN
		RAISE EXCEPTION 'cannot draw % images', n
			USING ERRCODE = 'invalid_parameter_value', HINT = 'n is how many images are to be labelled, 1 or more.';
	END IF;
	-- a turn of the strata after the other, so that each gives as many until it has no more
	RETURN QUERY EXECUTE format($query$
		WITH placed AS (
			SELECT r.key, jsonb_build_object(%1$s) AS groups, r.open, hashtextextended(r.key, $2) AS draw
			FROM (SELECT %2$s %3$s AS key, (%4$s) IS NULL AS open FROM %5$s s) r),
		ranked AS (
			SELECT p.*, row_number() OVER (PARTITION BY p.groups, p.open ORDER BY p.draw, p.key) AS turn,
				count(*) OVER (PARTITION BY p.groups) AS images,
				count(*) FILTER (WHERE NOT p.open) OVER (PARTITION BY p.groups) AS labelled
			FROM placed p),
		drawn AS (
			SELECT r.* FROM ranked r WHERE r.open AND r.key IS NOT NULL
			ORDER BY r.turn, hashtextextended(r.groups::text, $2), r.groups LIMIT $1)
		SELECT d.key, d.groups, p.labelled::float8 / d.images, d.images::float8 / p.labelled
		FROM drawn d CROSS JOIN LATERAL (SELECT d.labelled + count(*) AS labelled FROM drawn o WHERE o.groups = d.groups) p
		ORDER BY d.groups, d.turn
		$query$, pairs, keys, visclf.column_expression(source, key_column, 'key_column'),
			visclf.column_expression(source, label_column, 'label_column'), source)
		USING n, seed;
END
$$;
COMMENT ON FUNCTION visclf.sample_to_label(regclass, name, int, text[], name, bigint) IS
'samples keys of n images to label next, at random among those whose label is NULL: the same number from each group of the columns in by, as far as they last. probability is that of being labelled, for an image of the group, including those labelled before; weight is 1 / probability, for weight_column of visclf.prevalence, if those before were sampled at random too. The same seed gives the same sample';

CREATE TYPE visclf.share_estimate AS (
	images		bigint,
	failed		bigint,
	raw_share	float8,
	share		float8,
	low			float8,
	high		float8,
	estimate	float8,
	warning		text,
	labelled	bigint
);
COMMENT ON TYPE visclf.share_estimate IS
'the share of one class among the images classified or labelled: as counted, corrected, its 95 % interval, share * images, doubts, and the number of known labels. Columns as in visclf.prevalence';

CREATE DOMAIN visclf.share_state AS bytea;
COMMENT ON DOMAIN visclf.share_state IS
'counts of a group''s images for visclf.corrected_share. visclf.share_state makes it where the images are, on one server or several; visclf.corrected_share estimates from all such states of a group';

CREATE FUNCTION visclf.corrected_share_add(state internal, model text, label text, class text) RETURNS internal
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'visclf_corrected_share_add';
COMMENT ON FUNCTION visclf.corrected_share_add(internal, text, text, text) IS
'transition of the aggregate visclf.corrected_share';

CREATE FUNCTION visclf.corrected_share_add(state internal, model text, label text, class text, method text, probabilities float8[])
RETURNS internal
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'visclf_corrected_share_add';
COMMENT ON FUNCTION visclf.corrected_share_add(internal, text, text, text, text, float8[]) IS
'transition of the aggregate visclf.corrected_share';

CREATE FUNCTION visclf.corrected_share_add(state internal, model text, label text, class text, known text, key text,
	weight float8, cluster text) RETURNS internal
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'visclf_corrected_share_add_known';
COMMENT ON FUNCTION visclf.corrected_share_add(internal, text, text, text, text, text, float8, text) IS
'transition of the aggregates visclf.corrected_share and visclf.share_state';

CREATE FUNCTION visclf.corrected_share_add(state internal, part visclf.share_state) RETURNS internal
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'visclf_share_state_add';
COMMENT ON FUNCTION visclf.corrected_share_add(internal, visclf.share_state) IS
'transition of the aggregate visclf.corrected_share of states';

CREATE FUNCTION visclf.corrected_share_combine(state internal, other internal) RETURNS internal
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'visclf_share_state_combine';
COMMENT ON FUNCTION visclf.corrected_share_combine(internal, internal) IS
'merges two states of the aggregate visclf.corrected_share';

CREATE FUNCTION visclf.corrected_share_serialize(state internal) RETURNS bytea
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'visclf_share_state_serialize';
COMMENT ON FUNCTION visclf.corrected_share_serialize(internal) IS
'writes a state of the aggregate visclf.corrected_share as bytes, for another process';

CREATE FUNCTION visclf.corrected_share_deserialize(bytes bytea, unused internal) RETURNS internal
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'visclf_share_state_deserialize';
COMMENT ON FUNCTION visclf.corrected_share_deserialize(bytea, internal) IS
'reads a state of the aggregate visclf.corrected_share from bytes';

CREATE FUNCTION visclf.share_state_end(state internal) RETURNS visclf.share_state
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'visclf_share_state_serialize';
COMMENT ON FUNCTION visclf.share_state_end(internal) IS
'end of the aggregate visclf.share_state';

CREATE FUNCTION visclf.corrected_share_end(state internal) RETURNS visclf.share_estimate
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'visclf_corrected_share_end';
COMMENT ON FUNCTION visclf.corrected_share_end(internal) IS
'end of the aggregate visclf.corrected_share';

CREATE AGGREGATE visclf.corrected_share(model text, label text, class text) (
	SFUNC = visclf.corrected_share_add,
	STYPE = internal,
	FINALFUNC = visclf.corrected_share_end,
	COMBINEFUNC = visclf.corrected_share_combine,
	SERIALFUNC = visclf.corrected_share_serialize,
	DESERIALFUNC = visclf.corrected_share_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE visclf.corrected_share(text, text, text) IS
'estimates the share of one class in a group, from the predicted labels of its images (NULL: not classified), corrected by the active version''s errors: method acc of visclf.prevalence with its defaults, for GROUP BY';

CREATE AGGREGATE visclf.corrected_share(model text, label text, class text, method text, probabilities float8[]) (
	SFUNC = visclf.corrected_share_add,
	STYPE = internal,
	FINALFUNC = visclf.corrected_share_end,
	COMBINEFUNC = visclf.corrected_share_combine,
	SERIALFUNC = visclf.corrected_share_serialize,
	DESERIALFUNC = visclf.corrected_share_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE visclf.corrected_share(text, text, text, text, float8[]) IS
'the same by any method of visclf.prevalence that learns from validation images. pcc, pacc and emq use the probabilities and keep them in memory';

CREATE AGGREGATE visclf.corrected_share(model text, label text, class text, known text, key text, weight float8, cluster text) (
	SFUNC = visclf.corrected_share_add,
	STYPE = internal,
	FINALFUNC = visclf.corrected_share_end,
	COMBINEFUNC = visclf.corrected_share_combine,
	SERIALFUNC = visclf.corrected_share_serialize,
	DESERIALFUNC = visclf.corrected_share_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE visclf.corrected_share(text, text, text, text, text, float8, text) IS
'estimates the share of one class in a group with some known labels (known; else NULL): method ppi of visclf.prevalence without borrowing from other groups; method acc if the group has no known label. key is that of the training, as text; weight is 1 / the probability of being sampled for labelling; cluster is what was sampled together; all may be NULL';

CREATE AGGREGATE visclf.share_state(model text, label text, class text, known text, key text, weight float8, cluster text) (
	SFUNC = visclf.corrected_share_add,
	STYPE = internal,
	FINALFUNC = visclf.share_state_end,
	COMBINEFUNC = visclf.corrected_share_combine,
	SERIALFUNC = visclf.corrected_share_serialize,
	DESERIALFUNC = visclf.corrected_share_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE visclf.share_state(text, text, text, text, text, float8, text) IS
'returns what visclf.corrected_share estimates from, as a value, for images in several tables or on several servers';

CREATE AGGREGATE visclf.corrected_share(part visclf.share_state) (
	SFUNC = visclf.corrected_share_add,
	STYPE = internal,
	FINALFUNC = visclf.corrected_share_end,
	COMBINEFUNC = visclf.corrected_share_combine,
	SERIALFUNC = visclf.corrected_share_serialize,
	DESERIALFUNC = visclf.corrected_share_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE visclf.corrected_share(visclf.share_state) IS
'estimates from the states of a group, for all images that they counted';

---------------------------------------------------------------------------
-- To look at and to show
---------------------------------------------------------------------------

CREATE FUNCTION visclf.thumbnail(image bytea, size int DEFAULT 160) RETURNS bytea
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10000
AS 'MODULE_PATHNAME', 'visclf_thumbnail';
COMMENT ON FUNCTION visclf.thumbnail(bytea, int) IS
'returns a small JPEG of an image, upright, no side longer than size pixels (1 to 1024); NULL for an image that cannot be decoded';

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
LANGUAGE c STABLE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'visclf_contact_sheet';
COMMENT ON FUNCTION visclf.contact_sheet(regclass, text, text, regclass, name, name, name, name, int, int, int, text, bigint) IS
'returns pictures of n rows of a table or view with their labels, as one SVG image: a sample of all rows, the validation images with the largest loss (show => ''top_losses''), or the rows with the least confidence (''least_confident'')';

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
	method			text DEFAULT NULL,
	confidence		float8 DEFAULT 0.95,
	resamples		int DEFAULT 1000,
	pictures		int DEFAULT 12,
	title			text DEFAULT NULL,
	seed			bigint DEFAULT 42,
	known_column	name DEFAULT 'known',
	weight_column	name DEFAULT NULL,
	cluster_column	name DEFAULT NULL)
RETURNS text
LANGUAGE c STABLE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'visclf_report';
COMMENT ON FUNCTION visclf.report(text, regclass, name, name, regclass, name, name, name, name, name, name, text[], text, float8, int, int, text, bigint, name, name, name) IS
'returns one self-contained HTML page about the counts in a table or view of predictions: the corrected share of each class with its interval by year, by place and by both, beside the share as counted; doubts; pictures of the largest losses and the least confidence; the model and its errors';

---------------------------------------------------------------------------
-- Weights from and to other programs
---------------------------------------------------------------------------

CREATE FUNCTION visclf.import_model(
	name			text,
	safetensors		bytea,
	architecture	text DEFAULT NULL,
	classes			text[] DEFAULT NULL,
	image_size		bigint DEFAULT NULL,
	resize			text DEFAULT NULL,
	mean			float8[] DEFAULT NULL,
	std				float8[] DEFAULT NULL,
	multi_label		boolean DEFAULT NULL,
	thresholds		float8[] DEFAULT NULL)
RETURNS int
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'visclf_import_model';
COMMENT ON FUNCTION visclf.import_model(text, bytea, text, text[], bigint, text, float8[], float8[], boolean, float8[]) IS
'makes a ready version of a model from the bytes of a safetensors file with the tensor names of torchvision, timm, fastai, Hugging Face, akamaster''s CIFAR networks or visclf itself. Arguments that are NULL come from the file''s metadata or the architecture''s defaults. Returns the model_id';

CREATE FUNCTION visclf.calibrate_int8(
	model			text,
	source			regclass,
	image_column	name DEFAULT 'image',
	images			int DEFAULT 1000)
RETURNS real
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'visclf_calibrate_int8';
COMMENT ON FUNCTION visclf.calibrate_int8(text, regclass, name, int) IS
'calibrates the active version of a model for int8 on the CPU, if it was imported or trained on a GPU. Takes this number of random images of a table or view: 64 set the ranges of the activations; on the others int8 is compared with float32. Returns the share predicted alike, 0 to 1, and stores it as int8_agreement. For the model''s owner';

CREATE FUNCTION visclf.export_model(model text) RETURNS bytea
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'visclf_export_model';
COMMENT ON FUNCTION visclf.export_model(text) IS
'returns the active version of a model as the bytes of a safetensors file: float32 tensors under torchvision''s names; in the metadata classes, image size, resize, mean, std, whether it is multi-label, and thresholds';

---------------------------------------------------------------------------
-- Sharing, choosing, dropping
---------------------------------------------------------------------------

CREATE PROCEDURE visclf.share(model text, grantee name)
LANGUAGE c AS 'MODULE_PATHNAME', 'visclf_share';
COMMENT ON PROCEDURE visclf.share(text, name) IS
'allows a role, or everyone (public), to read and use every ready version of a model; for its owner';

CREATE PROCEDURE visclf.unshare(model text, grantee name)
LANGUAGE c AS 'MODULE_PATHNAME', 'visclf_unshare';
COMMENT ON PROCEDURE visclf.unshare(text, name) IS
'revokes what visclf.share allowed; for the model''s owner';

CREATE PROCEDURE visclf.activate(model text, version int)
LANGUAGE c AS 'MODULE_PATHNAME', 'visclf_activate';
COMMENT ON PROCEDURE visclf.activate(text, int) IS
'makes a ready version the one that classify uses; for the model''s owner';

CREATE PROCEDURE visclf.drop_model(model text, version int DEFAULT NULL)
LANGUAGE c AS 'MODULE_PATHNAME', 'visclf_drop_model';
COMMENT ON PROCEDURE visclf.drop_model(text, int) IS
'deletes one version of a model, or all of them; for its owner';

CREATE PROCEDURE visclf.reassign(model text, new_owner name)
LANGUAGE c AS 'MODULE_PATHNAME', 'visclf_reassign';
COMMENT ON PROCEDURE visclf.reassign(text, name) IS
'gives all versions of a model, with their shares, to another role. For its owner, who must be a member of that role; if the owner was dropped, for superusers, the owner of the database, and members of the owner of the extension';

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
'lists the devices of this machine, one row for each, with the reason if one cannot be used. Memory is in bytes';

CREATE FUNCTION visclf.image_info(image bytea,
	OUT format text, OUT width int, OUT height int, OUT components int,
	OUT color_space text, OUT orientation int, OUT progressive boolean, OUT complete boolean, OUT error text)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'visclf_image_info';
COMMENT ON FUNCTION visclf.image_info(bytea) IS
'reads the header of an image, without decoding it: format; width and height in pixels after its orientation (of EXIF, TIFF or XMP) is applied; complete is true if its data reach the end of the image. Only error is set if visclf cannot read the image';

CREATE FUNCTION visclf.image_formats(OUT format text, OUT name text, OUT library text)
RETURNS SETOF record
LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 5
AS 'MODULE_PATHNAME', 'visclf_image_formats';
COMMENT ON FUNCTION visclf.image_formats() IS
'lists the image formats that this build reads, by the name in image_info, the usual name, and the library that decodes them';

---------------------------------------------------------------------------
-- Labelling
---------------------------------------------------------------------------

CREATE FUNCTION visclf.label_page(
	source			regclass,
	key_column		name DEFAULT 'id',
	image_column	name DEFAULT 'image',
	label_column	name DEFAULT 'label',
	classes			text[] DEFAULT NULL,
	keys			text[] DEFAULT NULL,
	n				int DEFAULT 100,
	model			text DEFAULT NULL,
	multiple		boolean DEFAULT false,
	size			int DEFAULT 800,
	seed			bigint DEFAULT 42,
	title			text DEFAULT NULL)
RETURNS text
LANGUAGE c STABLE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'visclf_label_page';
COMMENT ON FUNCTION visclf.label_page(regclass, name, name, name, text[], text[], int, text, boolean, int, bigint, text) IS
'returns one HTML page for labelling pictures by keys and clicks, without a server: n random rows without a label, or those with the given keys. It saves a CSV that visclf.read_labels and COPY read';

CREATE FUNCTION visclf.label_studio(
	source			regclass,
	key_column		name DEFAULT 'id',
	image_column	name DEFAULT 'image',
	label_column	name DEFAULT 'label',
	classes			text[] DEFAULT NULL,
	keys			text[] DEFAULT NULL,
	n				int DEFAULT 100,
	model			text DEFAULT NULL,
	multiple		boolean DEFAULT false,
	size			int DEFAULT 800,
	seed			bigint DEFAULT 42,
	OUT config text, OUT tasks json)
LANGUAGE c STABLE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'visclf_label_studio';
COMMENT ON FUNCTION visclf.label_studio(regclass, name, name, name, text[], text[], int, text, boolean, int, bigint) IS
'returns the same pictures for Label Studio: the labelling interface of a project (config) and the tasks to import. visclf.read_labels reads its JSON export';

CREATE FUNCTION visclf.csv_records(document text) RETURNS SETOF text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'visclf_csv_records';
COMMENT ON FUNCTION visclf.csv_records(text) IS
'returns the records of a CSV document as arrays of fields, the header first, without empty lines. Empty fields without quotes are NULL';

CREATE FUNCTION visclf.parse_label_studio(document jsonb,
	OUT source text, OUT key text, OUT labels text[], OUT labeller text, OUT labelled_at timestamptz)
RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT coalesce(t #>> '{data,source}', ''), t #>> '{data,key}',
		(SELECT array_agg(c.value) FROM jsonb_array_elements(a.value -> 'result') r, jsonb_array_elements_text(r.value #> '{value,choices}') c
		 WHERE r.value ->> 'type' = 'choices'),
		coalesce(a.value #>> '{completed_by,email}', a.value ->> 'completed_by', 'unnamed'),
		coalesce((a.value ->> 'created_at')::timestamptz, statement_timestamp())
	FROM jsonb_array_elements(document) t, jsonb_array_elements(t.value -> 'annotations') a
	WHERE t.value ? 'annotations' AND NOT coalesce((a.value ->> 'was_cancelled')::boolean, false)
	UNION ALL
	SELECT coalesce(t.value ->> 'source', ''), t.value ->> 'key',
		CASE jsonb_typeof(t.value -> 'label') WHEN 'string' THEN ARRAY[t.value ->> 'label']
			WHEN 'object' THEN ARRAY(SELECT jsonb_array_elements_text(t.value #> '{label,choices}')) END,
		coalesce(t.value #>> '{annotator,email}', t.value ->> 'annotator', 'unnamed'),
		coalesce((t.value ->> 'created_at')::timestamptz, statement_timestamp())
	FROM jsonb_array_elements(document) t
	WHERE NOT t.value ? 'annotations';
END;
COMMENT ON FUNCTION visclf.parse_label_studio(jsonb) IS
'returns the labels in Label Studio''s export (JSON or JSON_MIN) of the tasks of visclf.label_studio';

CREATE FUNCTION visclf.parse_labels(document text,
	OUT source text, OUT key text, OUT labels text[], OUT labeller text, OUT labelled_at timestamptz)
RETURNS SETOF record
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	header text[];
	fields text[];
	number bigint := 0;
BEGIN
	IF document ~ '^\s*\[' THEN
		RETURN QUERY SELECT * FROM visclf.parse_label_studio(document::jsonb);
		RETURN;
	END IF;
	FOR fields IN SELECT visclf.csv_records(document) LOOP
		number := number + 1;
		IF number = 1 THEN
			header := fields;
			IF NOT 'key' = ANY (header) OR NOT header && ARRAY['label', 'labels'] THEN
				RAISE EXCEPTION 'labels need the columns "key" and "label", or "labels"'
					USING ERRCODE = 'bad_copy_file_format', HINT = 'The first line names the columns: source,key,label,labeller,time.';
			END IF;
			CONTINUE;
		END IF;
		key := fields[array_position(header, 'key')];
		IF cardinality(fields) <> cardinality(header) OR key IS NULL THEN
			RAISE EXCEPTION 'record % of the labels has % fields, not %, or no key', number, cardinality(fields), cardinality(header)
				USING ERRCODE = 'bad_copy_file_format';
		END IF;
		source := coalesce(fields[array_position(header, 'source')], '');
		IF 'labels' = ANY (header) THEN
			labels := fields[array_position(header, 'labels')]::text[];
		ELSE
			labels := ARRAY[fields[array_position(header, 'label')]];
			IF labels[1] IS NULL THEN
				labels := NULL;
			END IF;
		END IF;
		labeller := coalesce(fields[array_position(header, 'labeller')], 'unnamed');
		labelled_at := coalesce(fields[array_position(header, 'time')]::timestamptz, statement_timestamp());
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION visclf.parse_labels(text) IS
'returns the rows of a CSV of visclf.label_page, or of Label Studio''s JSON, for your own tables; labels is NULL if the labeller cannot tell';

CREATE FUNCTION visclf.read_labels(document text) RETURNS bigint
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'visclf_read_labels';
COMMENT ON FUNCTION visclf.read_labels(text) IS
'stores the labels of a CSV of visclf.label_page, or of Label Studio''s JSON, in visclf.label as the current role''s, replacing older ones of the same picture and labeller. Returns their number';

CREATE FUNCTION visclf.drop_labels(source text, labeller text DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'visclf_drop_labels';
COMMENT ON FUNCTION visclf.drop_labels(text, text) IS
'deletes the current role''s labels of a source, by one labeller or all, from visclf.label. Returns their number';

CREATE FUNCTION visclf.agreement(source text,
	OUT labeller text, OUT other text, OUT images bigint, OUT agreed float8, OUT by_chance float8,
	OUT kappa float8, OUT kappa_low float8, OUT kappa_high float8)
RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	WITH said AS (
		SELECT l.owner_role::oid AS owner, l.key, l.labeller, ARRAY(SELECT unnest(l.labels) ORDER BY 1)::text AS label
		FROM visclf.label l WHERE l.source = agreement.source AND l.labels IS NOT NULL),
	both_said AS (
		SELECT a.labeller, b.labeller AS other, a.label AS a, b.label AS b
		FROM said a JOIN said b ON b.owner = a.owner AND b.key = a.key AND b.labeller > a.labeller),
	agreed AS (
		SELECT p.labeller, p.other, count(*) AS images, avg((p.a = p.b)::int)::float8 AS agreed FROM both_said p GROUP BY 1, 2),
	of_a AS (SELECT p.labeller, p.other, p.a AS label, count(*)::float8 AS n FROM both_said p GROUP BY 1, 2, 3),
	of_b AS (SELECT p.labeller, p.other, p.b AS label, count(*)::float8 AS n FROM both_said p GROUP BY 1, 2, 3),
	chance AS (
		SELECT a.labeller, a.other, sum(a.n * coalesce(b.n, 0)) AS pairs FROM of_a a LEFT JOIN of_b b USING (labeller, other, label) GROUP BY 1, 2)
	SELECT g.labeller, g.other, g.images, g.agreed, k.by_chance, k.kappa,
		CASE WHEN k.kappa IS NOT NULL THEN greatest(k.kappa - 1.959964 * k.error, -1) END,
		CASE WHEN k.kappa IS NOT NULL THEN least(k.kappa + 1.959964 * k.error, 1) END
	FROM agreed g JOIN chance c USING (labeller, other),
		LATERAL (SELECT c.pairs / (g.images::float8 * g.images) AS by_chance) e,
		LATERAL (SELECT e.by_chance, CASE WHEN e.by_chance < 1 THEN (g.agreed - e.by_chance) / (1 - e.by_chance) END AS kappa,
			CASE WHEN e.by_chance < 1 THEN sqrt(g.agreed * (1 - g.agreed) / g.images) / (1 - e.by_chance) END AS error) k
	ORDER BY 1, 2;
END;
COMMENT ON FUNCTION visclf.agreement(text) IS
'measures the agreement of labellers in visclf.label, one row for each pair, on the pictures that both labelled: the share that they agree on, the share expected by chance, and Cohen''s kappa with a 95 % interval (NULL if all pictures are of one class)';

CREATE FUNCTION visclf.check_images(
	source			regclass,
	image_column	name DEFAULT 'image',
	label_column	name DEFAULT 'label',
	key_column		name DEFAULT NULL,
	split_column	name DEFAULT NULL,
	smallest_class	int DEFAULT 10,
	examples		int DEFAULT 5,
	OUT finding text, OUT rows bigint, OUT keys text[], OUT detail text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'visclf_check_images';
COMMENT ON FUNCTION visclf.check_images(regclass, name, name, name, name, int, int) IS
'what is odd about a table of images, before anything is trained, a row a finding: images that cannot be decoded, are cut off, blank, identical or nearly identical to others, with another label or on the other side of the split; labels that differ in case, blanks or Unicode form alone, empty ones, and classes of few images; with the first keys';
