-- Private by default: who sees, uses, changes a model.
SET client_min_messages = warning;
CREATE ROLE regress_visclf_owner;
CREATE ROLE regress_visclf_other;
CREATE ROLE regress_visclf_member IN ROLE regress_visclf_owner;
GRANT SELECT ON adverts TO regress_visclf_owner, regress_visclf_other;

SET ROLE regress_visclf_owner;
CALL visclf.train('private', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1, key_column => 'id');
SELECT model, owner FROM visclf.models;
SELECT (visclf.classify('private', image)).error FROM adverts WHERE id = 1;

-- members of the owner act as the owner
SET ROLE regress_visclf_member;
SELECT model, owner FROM visclf.models;

-- others see nothing, can use nothing, can change nothing
SET ROLE regress_visclf_other;
SELECT model FROM visclf.models;
SELECT count(*) FROM visclf.weight;
SELECT count(*) FROM visclf.validation;
SELECT visclf.classify('private', image) FROM adverts WHERE id = 1;
CALL visclf.train('private', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1);
CALL visclf.share('private', 'regress_visclf_other');
CALL visclf.drop_model('private');
INSERT INTO visclf.model_share VALUES ('private', 'regress_visclf_owner', 'regress_visclf_other');
INSERT INTO visclf.model_share VALUES ('private', 'regress_visclf_other', 'regress_visclf_other');
INSERT INTO visclf.model_name VALUES ('mine', 'regress_visclf_other');
SELECT count(*) FROM visclf.model_rows;
SET row_security = off;
SELECT count(*) FROM visclf.weight;
SELECT model FROM visclf.models;
SELECT visclf.classify('private', image) FROM adverts WHERE id = 1;
RESET row_security;
SELECT model FROM visclf.models;
DELETE FROM visclf.model_share;

-- shared, it can be read and used, and still not changed
SET ROLE regress_visclf_owner;
CALL visclf.share('private', 'regress_visclf_other');
SET ROLE regress_visclf_other;
SELECT model, owner FROM visclf.models;
SELECT (visclf.classify('private', image)).error FROM adverts WHERE id = 1;
SELECT count(*) > 0 AS log FROM visclf.training_log;
CALL visclf.activate('private', 1);
WITH d AS (DELETE FROM visclf.model RETURNING 1) SELECT count(*) FROM d;
WITH u AS (UPDATE visclf.weight SET data = '' RETURNING 1) SELECT count(*) FROM u;
SET ROLE regress_visclf_owner;
WITH u AS (UPDATE visclf.weight SET data = '' RETURNING 1) SELECT count(*) AS ready_weights_never_change FROM u;
CALL visclf.unshare('private', 'regress_visclf_other');
SET ROLE regress_visclf_other;
SELECT (visclf.classify('private', image)).error FROM adverts WHERE id = 1;

-- images are read with the caller's rights, row-level security too
RESET ROLE;
CREATE TABLE secret AS SELECT image, label, 'regress_visclf_owner'::name AS who FROM adverts;
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON secret USING (who = current_user);
GRANT SELECT ON secret TO regress_visclf_other;
SET ROLE regress_visclf_other;
CALL visclf.train('stolen', 'secret', architecture => 'resnet20', image_size => 32, epochs => 1);
SET ROLE regress_visclf_member;
CALL visclf.train('stolen', 'secret', architecture => 'resnet20', image_size => 32, epochs => 1);

-- everyone
SET ROLE regress_visclf_owner;
CALL visclf.share('private', 'public');
SET ROLE regress_visclf_other;
SELECT (visclf.classify('private', image)).error FROM adverts WHERE id = 1;
SET ROLE regress_visclf_owner;
CALL visclf.drop_model('private');
RESET ROLE;
SELECT count(*) FROM visclf.model_share;
DROP TABLE secret;

-- an owner keeps what is its own under another name; one who is gone leaves it to no other of that name
SET ROLE regress_visclf_owner;
CALL visclf.train('private', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1);
CALL visclf.share('private', 'regress_visclf_other');
RESET ROLE;
ALTER ROLE regress_visclf_owner RENAME TO regress_visclf_renamed;
ALTER ROLE regress_visclf_other RENAME TO regress_visclf_other_renamed;
CREATE ROLE regress_visclf_owner;
CREATE ROLE regress_visclf_other;
GRANT SELECT ON adverts TO regress_visclf_owner, regress_visclf_other;
SELECT model, owner, visclf.model_owner(model) FROM visclf.models WHERE model = 'private';
SET ROLE regress_visclf_renamed;
SELECT (visclf.classify('private', image)).error FROM adverts WHERE id = 1;
SET ROLE regress_visclf_other_renamed;
SELECT (visclf.classify('private', image)).error FROM adverts WHERE id = 1;
SET ROLE regress_visclf_owner;
SELECT model FROM visclf.models;
CALL visclf.drop_model('private');
SET ROLE regress_visclf_other;
SELECT model FROM visclf.models;
SET ROLE regress_visclf_renamed;
CALL visclf.share('private', 'regress_visclf_other');
CALL visclf.unshare('private', 'regress_visclf_other_renamed');
SET ROLE regress_visclf_other;
SELECT model FROM visclf.models;
SET ROLE regress_visclf_other_renamed;
SELECT model FROM visclf.models;
RESET ROLE;
REVOKE ALL ON adverts FROM regress_visclf_renamed, regress_visclf_other_renamed, regress_visclf_other, regress_visclf_owner;
DROP ROLE regress_visclf_other;
CREATE ROLE regress_visclf_other;
SET ROLE regress_visclf_other;
SELECT model FROM visclf.models;
RESET ROLE;
DROP ROLE regress_visclf_member, regress_visclf_renamed, regress_visclf_owner;
CREATE ROLE regress_visclf_owner;
CREATE ROLE regress_visclf_renamed;
GRANT SELECT ON adverts TO regress_visclf_owner;

-- nobody owns it now: others cannot have it, who administers the database gives it to somebody
SET ROLE regress_visclf_owner;
SELECT model FROM visclf.models;
CALL visclf.drop_model('private');
CALL visclf.reassign('private', 'regress_visclf_owner');
CALL visclf.train('private', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1);
RESET ROLE;
CALL visclf.train('private', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1);
SELECT model, owner, visclf.model_owner(model) FROM visclf.models WHERE model = 'private';
CALL visclf.unshare('private', 'regress_visclf_other');
CREATE ROLE regress_visclf_database;
SELECT current_user AS superuser, current_database() AS database \gset
ALTER DATABASE :"database" OWNER TO regress_visclf_database;
SET ROLE regress_visclf_database;
SELECT model, owner FROM visclf.models;
CALL visclf.activate('private', 1);
CALL visclf.reassign('private', 'regress_visclf_owner');
SELECT model FROM visclf.models;
CALL visclf.reassign('private', 'regress_visclf_database');
-- who may restore models cannot have a training of somebody else's go on with code of the restorer's
CREATE SCHEMA database AUTHORIZATION regress_visclf_database;
CREATE FUNCTION database.told() RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''runs as %'', current_user; END';
CREATE VIEW database.told_of AS SELECT database.told() AS label, image FROM adverts;
INSERT INTO visclf.model_name VALUES ('planted', :'superuser');
INSERT INTO visclf.model_rows (model_id, name, version, owner, architecture, head, classes, image_size, resize, mean, std, hyperparameters, owner_role)
OVERRIDING SYSTEM VALUE SELECT 1000000, 'planted', 1, owner, architecture, head, classes, image_size, resize, mean, std,
	hyperparameters || '{"source": "database.told_of"}', :'superuser' FROM visclf.model_rows WHERE name = 'private';
RESET ROLE;
CALL visclf.resume('planted');
CALL visclf.drop_model('planted');
DROP SCHEMA database CASCADE;
ALTER DATABASE :"database" OWNER TO :"superuser";
DROP ROLE regress_visclf_database;

-- to a role that one is a member of
SET ROLE regress_visclf_owner;
SELECT (visclf.classify('private', image)).error FROM adverts WHERE id = 1;
CALL visclf.reassign('private', 'regress_visclf_other');
CALL visclf.reassign('private', 'nobody');
RESET ROLE;
GRANT regress_visclf_other TO regress_visclf_owner;
SET ROLE regress_visclf_owner;
CALL visclf.share('private', 'regress_visclf_renamed');
CALL visclf.reassign('private', 'regress_visclf_other');
SELECT model, owner FROM visclf.models;
RESET ROLE;
REVOKE regress_visclf_other FROM regress_visclf_owner;
SET ROLE regress_visclf_owner;
SELECT model FROM visclf.models;
SET ROLE regress_visclf_renamed;
SELECT model, owner FROM visclf.models;
RESET ROLE;

-- REASSIGN OWNED moves models like other things
\set VERBOSITY terse
SET ROLE regress_visclf_other;
REASSIGN OWNED BY regress_visclf_other TO regress_visclf_owner;
\set VERBOSITY default
RESET ROLE;
REASSIGN OWNED BY regress_visclf_other TO regress_visclf_owner;
SELECT model, owner FROM visclf.models WHERE model = 'private';
SELECT name, owner, grantee, owner_role, grantee_role FROM visclf.model_share;
SET ROLE regress_visclf_renamed;
SELECT model, owner FROM visclf.models;

-- a role without rights to a table of predictions does not come as far as its lock
RESET ROLE;
CREATE TABLE foreign_predictions (id bigint PRIMARY KEY, label text, confidence real, labels text[], probabilities real[],
	model_id int, error text, classified_at timestamptz);
GRANT SELECT, INSERT ON foreign_predictions TO regress_visclf_owner;
SET ROLE regress_visclf_owner;
CALL visclf.classify_table('private', 'adverts', 'id', 'foreign_predictions');
CALL visclf.drop_model('private');
RESET ROLE;
SELECT count(*) FROM visclf.model_name WHERE name = 'private';
SELECT count(*) FROM visclf.model_share;
DROP TABLE foreign_predictions;

-- names
SELECT visclf.import_model(repeat('x', 1001), '\x');
REVOKE ALL ON adverts FROM regress_visclf_owner;
DROP ROLE regress_visclf_other, regress_visclf_owner, regress_visclf_renamed;

-- roles as values
SELECT 'public'::visclf.role, ''::visclf.role, 'nobody at all'::visclf.role, current_user::text::visclf.role::text = current_user AS back_and_forth;
