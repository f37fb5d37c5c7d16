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
REVOKE ALL ON adverts FROM regress_visclf_owner, regress_visclf_other;
DROP ROLE regress_visclf_member, regress_visclf_other, regress_visclf_owner;
