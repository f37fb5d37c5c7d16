-- From 0.1 to 0.2: the tables are made anew and the rows of 0.1 brought into
-- them.  Where `make` finds the line "-- @visclf.sql" it puts the text of
-- visclf.sql, with OR REPLACE and without the types that 0.1 has.

\echo Use "ALTER EXTENSION visclf UPDATE" to load this file. \quit

-- What other objects of 0.1 look at is put aside, and goes at the end.
DO $$
DECLARE
	part text;
	old text;
BEGIN
	FOREACH part IN ARRAY '{model, weight, optimizer_state, epoch, validation, model_share}'::text[] LOOP
		FOR old IN SELECT conname FROM pg_catalog.pg_constraint WHERE conrelid = format('visclf.%I', part)::regclass LOOP
			EXECUTE format('ALTER TABLE visclf.%I RENAME CONSTRAINT %I TO %I', part, old, 'old_' || old);
		END LOOP;
		EXECUTE format('ALTER TABLE visclf.%I RENAME TO %I', part, 'old_' || part);
	END LOOP;
END
$$;
ALTER INDEX visclf.model_active RENAME TO old_model_active;
ALTER SEQUENCE visclf.model_model_id_seq RENAME TO old_model_model_id_seq;
ALTER FUNCTION visclf.acts_as(name) RENAME TO old_acts_as;
ALTER FUNCTION visclf.active_version(text, boolean) RENAME TO old_active_version;

-- What has other columns or arguments now.
DROP VIEW visclf.models, visclf.training_log;
DROP FUNCTION visclf.image_info(bytea);
DROP PROCEDURE visclf.classify_table(text, regclass, name, text, name);
DROP PROCEDURE visclf.train(text, regclass, name, name, name, name, name, text, text, text, text, int, text, text, text, int, int,
	float8, float8, float8, float8, int, float8, bigint);
DROP FUNCTION visclf.prevalence(text, regclass, text[], text, name, name, name, float8, int, bigint);
DROP FUNCTION visclf.report(text, regclass, name, name, regclass, name, name, name, name, name, name, text[], text, float8, int, int, text, bigint);
DROP FUNCTION visclf.import_model(text, bytea, text, text[], int, text, real[], real[], boolean, real[]);
DROP AGGREGATE visclf.corrected_share(text, text, text, text, real[]);
DROP FUNCTION visclf.corrected_share_add(internal, text, text, text, text, real[]);
ALTER TYPE visclf.prediction ADD ATTRIBUTE warning text;
ALTER TYPE visclf.share_estimate ADD ATTRIBUTE labelled bigint;

-- @visclf.sql

---------------------------------------------------------------------------
-- The rows
---------------------------------------------------------------------------

-- Columns that are new take their defaults.
DO $$
DECLARE
	part text;
	columns text;
BEGIN
	FOREACH part IN ARRAY '{model, weight, optimizer_state, epoch, validation, model_share}'::text[] LOOP
		SELECT string_agg(quote_ident(attname), ', ') INTO columns FROM pg_catalog.pg_attribute
		WHERE attrelid = format('visclf.%I', 'old_' || part)::regclass AND attnum > 0;
		EXECUTE format('INSERT INTO visclf.%1$I (%3$s) OVERRIDING SYSTEM VALUE SELECT %3$s FROM visclf.%2$I',
			part, 'old_' || part, columns);
	END LOOP;
END
$$;
UPDATE visclf.model SET owner_role = owner::text::visclf.role;
UPDATE visclf.model_share SET owner_role = owner::text::visclf.role, grantee_role = grantee::text::visclf.role;
INSERT INTO visclf.model_name
SELECT DISTINCT ON (m.name) m.name, m.owner_role FROM visclf.model m ORDER BY m.name, m.active DESC, m.version DESC;
SELECT pg_catalog.setval('visclf.model_model_id_seq', s.last_value, s.is_called)
FROM visclf.old_model_model_id_seq s;

-- Dropped from the extension first, which forgets that they are dumped.
ALTER EXTENSION visclf DROP SEQUENCE visclf.old_model_model_id_seq;
DO $$
DECLARE
	part text;
BEGIN
	FOREACH part IN ARRAY '{weight, optimizer_state, epoch, validation, model, model_share}'::text[] LOOP
		EXECUTE format('ALTER EXTENSION visclf DROP TABLE visclf.%I', 'old_' || part);
		EXECUTE format('DROP TABLE visclf.%I', 'old_' || part);
	END LOOP;
END
$$;
DROP FUNCTION visclf.old_acts_as(name), visclf.old_active_version(text, boolean);
