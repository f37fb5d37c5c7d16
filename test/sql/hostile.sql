-- A role with a schema of its own does what SQL lets it.  Every function gives
-- the right answer or an error, runs none of its code as somebody else where a
-- plain SELECT of its table would not, and shows it nobody else's rows.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_visclf_eve;
CREATE ROLE regress_visclf_else;
GRANT regress_visclf_else TO regress_visclf_eve;
CREATE SCHEMA eve AUTHORIZATION regress_visclf_eve;
GRANT SELECT ON adverts TO regress_visclf_eve;
GRANT EXECUTE ON PROCEDURE bad TO regress_visclf_eve;
SELECT visclf.import_model('shared', visclf.export_model('small')) AS shared \gset
SELECT visclf.import_model('closed', visclf.export_model('small')) AS closed \gset
CALL visclf.train('seen', 'adverts', architecture => 'resnet20', image_size => 16, epochs => 1, key_column => 'id');
CALL visclf.share('shared', 'public');
CALL visclf.share('seen', 'public');
SET visclf.batch_size = 8;

---------------------------------------------------------------------------
-- Casts, output and operators of her types, run by a superuser
---------------------------------------------------------------------------
SET ROLE regress_visclf_eve;
SET search_path = eve, public;
CREATE FUNCTION alarm(what text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'her % runs as %', what, current_user;
END $$;
CREATE TYPE kind AS ENUM ('text-only', 'illustrations');
CREATE FUNCTION kind_text(kind) RETURNS text LANGUAGE sql AS $$SELECT alarm('cast to text')$$;
CREATE FUNCTION kinds_text(kind[]) RETURNS text[] LANGUAGE sql AS $$SELECT ARRAY[alarm('cast to text[]')]$$;
CREATE FUNCTION kind_json(kind) RETURNS json LANGUAGE sql AS $$SELECT alarm('cast to json')::json$$;
CREATE FUNCTION kind_number(kind) RETURNS float8 LANGUAGE sql AS $$SELECT alarm('cast to float8')::float8$$;
CREATE FUNCTION kind_bytes(kind) RETURNS bytea LANGUAGE sql AS $$SELECT alarm('cast to bytea')::bytea$$;
CREATE CAST (kind AS text) WITH FUNCTION kind_text AS IMPLICIT;
CREATE CAST (kind[] AS text[]) WITH FUNCTION kinds_text AS IMPLICIT;
CREATE CAST (kind AS json) WITH FUNCTION kind_json;
CREATE CAST (kind AS float8) WITH FUNCTION kind_number AS IMPLICIT;
CREATE CAST (kind AS bytea) WITH FUNCTION kind_bytes AS IMPLICIT;
CREATE DOMAIN kind_domain AS kind;
CREATE TYPE key AS ENUM ('first', 'second');
CREATE FUNCTION key_text(key) RETURNS text LANGUAGE sql AS $$SELECT alarm('cast to text')$$;
CREATE CAST (key AS text) WITH FUNCTION key_text AS ASSIGNMENT;
CREATE TABLE hers AS SELECT id, image, label::kind AS label, label::kind::kind_domain AS label_domain, ARRAY[label::kind] AS labels,
	'illustrations'::kind AS confidence, 1900 + id % 2 AS year, label AS plain, 0.5::real AS sure
FROM adverts WHERE label IS NOT NULL AND id <= 60;
CREATE TABLE keyed AS SELECT image, CASE WHEN id = 1 THEN 'first' ELSE 'second' END::key AS id, label::kind AS kind FROM adverts WHERE id <= 2;
GRANT USAGE ON SCHEMA eve TO PUBLIC;
GRANT SELECT ON hers, keyed TO PUBLIC;
RESET ROLE;

CALL visclf.train('on hers', 'eve.hers', architecture => 'resnet20', image_size => 16, epochs => 1, key_column => 'label', group_column => 'id');
CALL bad($$CALL visclf.train('on hers', 'eve.hers', split_column => 'label', architecture => 'resnet20', image_size => 16, epochs => 1)$$);
CALL visclf.train('on hers', 'eve.hers', label_column => 'label_domain', architecture => 'resnet20', image_size => 16, epochs => 1);
CALL visclf.train('on hers, many', 'eve.hers', label_column => 'labels', architecture => 'resnet20', image_size => 16, epochs => 1);
SELECT name, classes, multi_label FROM visclf.model WHERE name LIKE 'on hers%' ORDER BY 1, version;
SELECT count(*) FROM visclf.lr_find('eve.hers', architecture => 'resnet20', image_size => 16, steps => 20, batch_size => 8);
SELECT count(*) > 0 AS answered, bool_and(groups ? 'label_domain') AS grouped
FROM visclf.evaluate('small', 'eve.hers', by => '{label_domain,label,labels}') WHERE groups <> '{}';
SELECT count(*) FROM visclf.prevalence('small', 'eve.hers', by => '{label,labels}', method => 'cc', error_column => 'plain');
SELECT visclf.contact_sheet('eve.hers', key_column => 'label') LIKE '%>text-only<%' AS sheet;
CALL bad($$SELECT visclf.contact_sheet('eve.hers', show => 'least_confident')$$);
SELECT visclf.report('small', 'eve.hers', year_column => 'year', place_column => 'label', label_column => 'label_domain',
	confidence_column => 'sure', error_column => 'sure', method => 'cc') LIKE '%</html>%' AS report;
CALL bad($$SELECT visclf.report('small', 'eve.hers', year_column => 'label')$$);
CALL bad($$SELECT visclf.calibrate_int8('small', 'eve.hers', image_column => 'label')$$);
CALL bad($$SELECT * FROM visclf.evaluate('small', 'eve.hers', image_column => 'label_domain')$$);
CALL visclf.classify_table('small', 'eve.keyed', 'id', 'public.keyed_said');
SELECT id, label IS NOT NULL AS label FROM keyed_said ORDER BY id;
-- a cast that is implicit makes more than one equality possible
CALL bad($$CALL visclf.classify_table('small', 'eve.keyed', 'kind', 'public.kind_said')$$);

-- operators and functions of hers before the server's own in the caller's path
SET ROLE regress_visclf_eve;
CREATE FUNCTION alarm_equal(anyelement, anyelement) RETURNS boolean LANGUAGE sql AS $$SELECT alarm('operator')::boolean$$;
CREATE FUNCTION alarm_int(int, int) RETURNS boolean LANGUAGE sql AS $$SELECT alarm('operator')::boolean$$;
CREATE FUNCTION alarm_bigint(bigint, bigint) RETURNS boolean LANGUAGE sql AS $$SELECT alarm('operator')::boolean$$;
CREATE FUNCTION alarm_text(text, text) RETURNS boolean LANGUAGE sql AS $$SELECT alarm('operator')::boolean$$;
CREATE FUNCTION alarm_varchar(varchar, varchar) RETURNS boolean LANGUAGE sql AS $$SELECT alarm('operator')::boolean$$;
CREATE FUNCTION alarm_json(jsonb, text) RETURNS text LANGUAGE sql AS $$SELECT alarm('operator')$$;
DO $$
DECLARE
	operator text;
	type text;
BEGIN
	FOREACH operator IN ARRAY '{=,<>,<,>}'::text[] LOOP
		FOREACH type IN ARRAY '{int,bigint,text,varchar}'::text[] LOOP
			EXECUTE format('CREATE OPERATOR eve.%s (leftarg = %s, rightarg = %2$s, function = eve.alarm_%2$s)', operator, type);
		END LOOP;
	END LOOP;
	CREATE OPERATOR eve.->> (leftarg = jsonb, rightarg = text, function = eve.alarm_json);
END $$;
CREATE FUNCTION max(x anyelement) RETURNS text LANGUAGE sql AS $$SELECT alarm('function')$$;
CREATE FUNCTION concat(x anyelement) RETURNS text LANGUAGE sql AS $$SELECT alarm('function')$$;
CREATE FUNCTION acts_as(role name) RETURNS boolean LANGUAGE sql AS $$SELECT true$$;
CREATE FUNCTION classify(model text, image bytea) RETURNS visclf.prediction LANGUAGE sql AS $$SELECT alarm('function')::visclf.prediction$$;
CREATE TYPE prediction AS (label text);
RESET ROLE;
CREATE TABLE public.own (id varchar(10) PRIMARY KEY, image bytea, prediction visclf.prediction);
CREATE TABLE public.own_labels AS SELECT id, image, label, 1900 AS year FROM adverts WHERE label IS NOT NULL;
CREATE TRIGGER said BEFORE INSERT ON public.own FOR EACH ROW EXECUTE FUNCTION visclf.classify_trigger('small');
SET search_path = eve, pg_catalog, public;
INSERT INTO own SELECT id, image FROM public.adverts LIMIT 20;
CALL visclf.classify_table('small', 'public.own', 'id', 'public.own_said');
CALL visclf.classify_table('small', 'public.own', 'id', 'public.own_said');
SELECT pg_catalog.count(*) FROM public.own_said;
CALL visclf.train('own', 'public.own_labels', key_column => 'id', split_column => NULL, architecture => 'resnet20', image_size => 16, epochs => 1);
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS seen FROM visclf.models;
SELECT pg_catalog.count(*) FROM visclf.evaluate('own', 'public.own_labels', by => '{year}');
SELECT pg_catalog.count(*) FROM visclf.prevalence('own', 'public.own_labels', by => '{year}');
SELECT pg_catalog.count(*) FROM visclf.prevalence('small', 'public.own_said', method => 'pcc', by => '{model_id}');
SELECT (visclf.corrected_share('own', label, 'text-only')).images FROM public.own_labels;
SELECT pg_catalog.length(visclf.report('own', 'public.own_labels', 'year', method => 'cc')) OPERATOR(pg_catalog.>) 0 AS report;
SELECT pg_catalog.length(visclf.contact_sheet('public.own_labels', show => 'top_losses', model => 'own')) OPERATOR(pg_catalog.>) 0 AS sheet;
SELECT pg_catalog.count(*) FROM visclf.top_losses('own') UNION ALL SELECT pg_catalog.count(*) FROM visclf.confusion_matrix('own')
UNION ALL SELECT pg_catalog.count(*) FROM visclf.classification_report('own') UNION ALL SELECT pg_catalog.count(*) FROM visclf.calibration('own');
SELECT pg_catalog.length(visclf.export_model('own')) OPERATOR(pg_catalog.>) 0 AS exported;
CALL visclf.share('own', 'regress_visclf_else');
CALL visclf.unshare('own', 'regress_visclf_else');
CALL visclf.activate('own', 1);
CALL visclf.drop_model('own');
SET search_path = eve, public;

---------------------------------------------------------------------------
-- What changes while it is read
---------------------------------------------------------------------------
SET ROLE regress_visclf_eve;
-- a view whose functions answer NULL the second time that they are asked
CREATE FUNCTION turn(name text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	first boolean := coalesce(current_setting('eve.' || name, true), '') <> 'second';
BEGIN
	PERFORM set_config('eve.' || name, CASE WHEN first THEN 'second' ELSE 'first' END, false);
	RETURN first;
END $$;
CREATE VIEW moody AS SELECT CASE WHEN turn('id') THEN id END AS id, CASE WHEN turn('label') THEN label END AS label,
	CASE WHEN turn('image') THEN image END AS image, CASE WHEN turn('labels') THEN ARRAY[label] END AS labels,
	CASE WHEN turn('sure') THEN 0.5 END AS sure FROM adverts WHERE id <= 60 AND label IS NOT NULL OFFSET 0;
CREATE VIEW moodier AS SELECT CASE WHEN turn('id') THEN id END AS id, CASE WHEN turn('label') THEN label END AS label,
	CASE WHEN turn('image') THEN image END AS image, CASE WHEN turn('labels') THEN ARRAY[label] END AS labels,
	CASE WHEN turn('sure') THEN 0.5 END AS sure FROM adverts WHERE id <= 60 AND label IS NOT NULL;
CALL bad($$CALL visclf.train('m', 'moodier', architecture => 'resnet20', image_size => 16, epochs => 1)$$);
CALL bad($$CALL visclf.train('m', 'moodier', label_column => 'labels', key_column => 'id', architecture => 'resnet20', image_size => 16, epochs => 1)$$);
CALL bad($$SELECT count(*) FROM visclf.lr_find('moodier', architecture => 'resnet20', image_size => 16)$$);
SELECT visclf.contact_sheet('moodier') LIKE '%</svg>%' AS sheet;
SELECT visclf.contact_sheet('moodier', show => 'least_confident', confidence_column => 'sure') LIKE '%</svg>%' AS sheet;
SELECT count(*) FROM visclf.evaluate('shared', 'moodier');
SELECT count(*) FROM visclf.prevalence('seen', 'moodier');
CALL visclf.classify_table('shared', 'moodier', 'id', 'moodier_said');
SELECT count(*) <= 60 AS not_more FROM moodier_said;
SELECT count(*) FROM visclf.evaluate('shared', 'moody');

-- a trigger on the target that alters the source, or its own table, between two batches
CREATE TABLE source AS SELECT id, image, id::text AS name FROM adverts WHERE id <= 40;
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('eve.done', true) IS DISTINCT FROM TG_ARGV[0] THEN
		EXECUTE TG_ARGV[0];
		PERFORM set_config('eve.done', TG_ARGV[0], false);
	END IF;
	RETURN NEW;
END $$;
CREATE PROCEDURE meddle_with(doing text, key text DEFAULT 'id') LANGUAGE plpgsql AS $$
DECLARE
	rows bigint;
BEGIN
	DROP TABLE IF EXISTS eve.source, eve.source_was, eve.said;
	CREATE TABLE eve.source AS SELECT id, image, id::text AS name FROM public.adverts WHERE id <= 40;
	EXECUTE format('CREATE TABLE eve.said AS SELECT s.%I, (NULL::visclf.prediction).*, now() AS classified_at FROM source s LIMIT 0', key);
	EXECUTE format('ALTER TABLE eve.said ADD PRIMARY KEY (%I)', key);
	EXECUTE format('CREATE TRIGGER meddle BEFORE INSERT ON eve.said FOR EACH ROW EXECUTE FUNCTION eve.meddle(%L)', doing);
	BEGIN
		CALL visclf.classify_table('shared', 'eve.source', key, 'eve.said');
		EXECUTE format('SELECT count(*) FROM eve.said JOIN public.adverts a ON said.%I::text = a.id::text '
			'JOIN LATERAL visclf.classify(''shared'', a.image) p ON p.model_id = said.model_id AND (p.label = said.label OR p.confidence < 0.6)', key) INTO rows;
		RAISE INFO 'right: %', rows;
	EXCEPTION WHEN OTHERS THEN
		RAISE INFO '% %', SQLSTATE, SQLERRM;
	END;
END $$;
CALL meddle_with('ALTER TABLE eve.source ALTER image TYPE bigint USING 4096');
CALL meddle_with('ALTER TABLE eve.source ALTER id TYPE numeric');
CALL meddle_with('ALTER TABLE eve.source ALTER name TYPE name', 'name');
CALL meddle_with('ALTER TABLE eve.source DROP image');
CALL meddle_with('ALTER TABLE eve.source RENAME image TO picture');
CALL meddle_with('ALTER TABLE eve.source RENAME TO source_was; CREATE TABLE eve.source AS SELECT id, 4096::bigint AS image FROM public.adverts');
CALL meddle_with('DROP TABLE eve.source');
CALL meddle_with('DELETE FROM eve.source');
CALL meddle_with('ALTER TABLE eve.said DROP label');
CALL meddle_with('SET visclf.threads = 1; SET visclf.convolution = direct; SET visclf.precision = float32');
CALL meddle_with('CALL visclf.drop_model(''shared'')');
CALL meddle_with('CALL visclf.classify_table(''shared'', ''eve.source'', ''id'', ''eve.said'')');
RESET visclf.threads;
RESET visclf.convolution;
RESET visclf.precision;
-- outside a transaction the source is checked anew in each
CREATE TABLE p (id bigint PRIMARY KEY, label text, confidence real, labels text[], probabilities real[], model_id int, error text, classified_at timestamptz);
CREATE TRIGGER meddle BEFORE INSERT ON p FOR EACH ROW EXECUTE FUNCTION meddle('ALTER TABLE eve.changing ALTER id TYPE numeric');
CREATE TABLE changing AS SELECT id, image FROM adverts WHERE id <= 40;
CALL visclf.classify_table('shared', 'changing', 'id', 'p');
SELECT count(*), bool_and(id BETWEEN 1 AND 40) AS keys FROM p;

-- a function in the source that changes the role under the call
CREATE FUNCTION other_role(id bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('role', 'regress_visclf_else', true);
	RETURN id;
END $$;
SELECT visclf.import_model('hers alone', visclf.export_model('shared')) > 0 AS imported;
GRANT USAGE ON SCHEMA eve TO regress_visclf_else;
CREATE VIEW turncoat AS SELECT other_role(id) AS id, label, 1900 AS year, image FROM adverts WHERE label IS NOT NULL;
GRANT SELECT ON turncoat TO regress_visclf_else;
CALL bad($$SELECT visclf.report('hers alone', 'turncoat', 'year', method => 'cc')$$);
CALL bad($$SELECT count(*) FROM visclf.evaluate('hers alone', 'turncoat', by => '{id}')$$);
SET ROLE regress_visclf_eve;

---------------------------------------------------------------------------
-- Code of hers that classifies while a model is in use
---------------------------------------------------------------------------
SELECT visclf.import_model('hers', visclf.export_model('shared'), classes => '{hers,hers too}') AS hers \gset
SET visclf.max_cached_models = 1;
CREATE FUNCTION ask(key bigint) RETURNS text LANGUAGE sql VOLATILE AS
	$$SELECT (visclf.classify('hers', a.image)).label FROM public.adverts a WHERE a.id = key$$;
CREATE VIEW asking AS SELECT id, image, label, ask(id) AS said, 1900 AS year FROM adverts WHERE id <= 40 AND label IS NOT NULL;
CREATE DOMAIN asking_key AS bigint CHECK (ask(VALUE) IS NOT NULL);
CREATE TABLE asked (id asking_key PRIMARY KEY, label text DEFAULT ask(1), confidence real, labels text[], probabilities real[], model_id int,
	error text, classified_at timestamptz CHECK (ask(2) IS NOT NULL), own text DEFAULT ask(3));
CREATE FUNCTION ask_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM ask(NEW.id);
	RETURN NEW;
END $$;
CREATE TRIGGER ask BEFORE INSERT ON asked FOR EACH ROW EXECUTE FUNCTION ask_again();
CREATE FUNCTION ask_label(t text) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT ask(1) || t$$;
CREATE INDEX ON asked (ask_label(label));
ALTER TABLE asked ADD again text GENERATED ALWAYS AS (ask_label(label)) STORED;
CREATE TABLE to_ask AS SELECT id::asking_key AS id, image FROM adverts WHERE id <= 40;
CALL visclf.classify_table('shared', 'to_ask', 'id', 'asked');
SELECT count(*), bool_and(s.confidence < 0.6 OR s.label = (visclf.classify('shared', image)).label) AS own_labels, bool_and(s.model_id = :shared) AS own_model,
	bool_and(own LIKE 'hers%') AS hers FROM asked s JOIN adverts USING (id);
SELECT count(*), bool_and((p).model_id = :shared) AS own_model FROM (
	SELECT visclf.classify_batch('shared', CASE WHEN ask(id) IS NOT NULL THEN image END) OVER () AS p FROM adverts WHERE id <= 40) x;
SELECT count(*) FROM visclf.evaluate('seen', 'asking', by => '{said}');
SELECT bool_and(shares = share) AS same FROM (
	SELECT (visclf.corrected_share('seen', label, 'illustrations')).share AS shares, ask(min(id)) FROM adverts WHERE label IS NOT NULL GROUP BY id % 3) a,
	LATERAL (SELECT shares AS share) b;
SELECT visclf.report('seen', 'asking', 'year', place_column => 'said', label_column => 'label', method => 'cc') LIKE '%</html>%' AS report;
SELECT visclf.contact_sheet('asking', label_column => 'said') LIKE '%</svg>%' AS sheet;
CALL visclf.train('asking', 'asking', key_column => 'said', architecture => 'resnet20', image_size => 16, epochs => 1);
CALL bad($$SELECT visclf.calibrate_int8('hers', 'asking')$$);
RESET visclf.max_cached_models;

-- a domain over the prediction, and columns that are written after the trigger
CREATE DOMAIN sure AS visclf.prediction CHECK ((VALUE).confidence > 2);
CREATE TABLE guarded (id int, image bytea, prediction sure, double bytea GENERATED ALWAYS AS (image || image) STORED);
CREATE TRIGGER c BEFORE INSERT ON guarded FOR EACH ROW EXECUTE FUNCTION visclf.classify_trigger('shared');
CALL bad($$INSERT INTO guarded SELECT id, image FROM adverts LIMIT 1$$);
CREATE TRIGGER c2 BEFORE UPDATE ON guarded FOR EACH ROW EXECUTE FUNCTION visclf.classify_trigger('shared', 'double');
INSERT INTO guarded VALUES (1, NULL);
CALL bad($$UPDATE guarded SET id = 2$$);

---------------------------------------------------------------------------
-- Rows and models of others
---------------------------------------------------------------------------
RESET ROLE;
CREATE TABLE public.guarded_rows AS SELECT id, image, label, id % 4 = 0 AS open, 1900 AS year FROM adverts WHERE label IS NOT NULL;
ALTER TABLE public.guarded_rows ENABLE ROW LEVEL SECURITY;
CREATE POLICY open_rows ON guarded_rows FOR SELECT USING (open);
GRANT SELECT ON guarded_rows TO regress_visclf_eve;
SELECT count(*) AS open FROM guarded_rows WHERE open \gset
SET ROLE regress_visclf_eve;
CREATE TABLE leaked (id bigint);
CREATE FUNCTION leak(id bigint) RETURNS boolean LANGUAGE sql COST 0.0000001 AS $$INSERT INTO eve.leaked VALUES (id); SELECT true$$;
CREATE VIEW peeping AS SELECT * FROM guarded_rows WHERE leak(id);
CALL visclf.classify_table('shared', 'guarded_rows', 'id', 'rows_said');
SELECT count(*) = :open AS only_open FROM rows_said;
SELECT images = :open AS only_open FROM visclf.evaluate('shared', 'guarded_rows');
SELECT DISTINCT images = :open AS only_open FROM visclf.prevalence('seen', 'guarded_rows');
SET row_security = off;
CALL bad($$SELECT count(*) FROM visclf.prevalence('seen', 'guarded_rows')$$);
CALL bad($$SELECT count(*) FROM visclf.prevalence('seen', 'guarded_rows', method => 'ppi', known_column => 'label')$$);
CALL bad($$SELECT count(*) FROM visclf.label_plan('seen', 'guarded_rows', known_column => 'label')$$);
RESET row_security;
SELECT (length(s) - length(replace(s, '<g role', ''))) / length('<g role') = least(:open, 1000) AS only_open
FROM visclf.contact_sheet('guarded_rows', n => 1000, size => 32) s;
CALL visclf.train('of open rows', 'guarded_rows', architecture => 'resnet20', image_size => 16, epochs => 1, validation_share => 0.4);
SELECT train_images + valid_images = :open AS only_open FROM visclf.models WHERE model = 'of open rows';
SELECT images = :open AS only_open FROM visclf.evaluate('shared', 'peeping');
SELECT DISTINCT images = :open AS only_open FROM visclf.prevalence('seen', 'peeping');
CALL visclf.classify_table('shared', 'peeping', 'id', 'peeped');
-- a target that is not hers, or that a policy forbids
RESET ROLE;
SELECT count(DISTINCT l.id) = :open AS only_open, bool_and(r.open) AS open FROM leaked l JOIN guarded_rows r USING (id);
CREATE TABLE public.theirs (LIKE eve.rows_said INCLUDING ALL);
CREATE TABLE public.theirs_guarded (LIKE eve.rows_said INCLUDING ALL);
ALTER TABLE public.theirs_guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON public.theirs_guarded USING (id < 3) WITH CHECK (id < 3);
GRANT SELECT, INSERT, UPDATE ON public.theirs_guarded TO regress_visclf_eve;
INSERT INTO public.theirs_guarded (id, label) VALUES (8, 'theirs');
SET ROLE regress_visclf_eve;
CALL bad($$CALL visclf.classify_table('shared', 'guarded_rows', 'id', 'public.theirs')$$);
CALL bad($$CALL visclf.classify_table('shared', 'guarded_rows', 'id', 'public.theirs_guarded')$$);
-- a model that is not shared with her
CREATE FUNCTION outcome(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE query;
	RETURN 'went well';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SELECT outcome(query), query FROM (VALUES
	($$SELECT visclf.classify('closed', image) FROM adverts$$), ($$SELECT visclf.classify_batch('closed', image) OVER () FROM adverts$$),
	($$SELECT visclf.embed('closed', image) FROM adverts$$), ($$CALL visclf.classify_table('closed', 'adverts', 'id', 'closed_said')$$),
	($$SELECT visclf.active_version('closed')$$), ($$SELECT * FROM visclf.evaluate('closed', 'asking')$$),
	($$SELECT * FROM visclf.prevalence('closed', 'asking')$$), ($$SELECT visclf.corrected_share('closed', label, 'text-only') FROM adverts$$),
	($$SELECT * FROM visclf.top_losses('closed')$$), ($$SELECT * FROM visclf.confusion_matrix('closed')$$),
	($$SELECT * FROM visclf.classification_report('closed')$$), ($$SELECT * FROM visclf.calibration('closed')$$),
	($$SELECT visclf.contact_sheet('asking', show => 'top_losses', model => 'closed')$$), ($$SELECT visclf.report('closed', 'asking', 'year')$$),
	($$SELECT visclf.export_model('closed')$$), ($$SELECT visclf.import_model('closed', visclf.export_model('shared'))$$),
	($$SELECT visclf.calibrate_int8('closed', 'asking')$$), ($$CALL visclf.train('x', 'asking', pretrained => 'closed')$$),
	($$CALL visclf.train('closed', 'asking', architecture => 'resnet20', image_size => 16, epochs => 1)$$),
	($$SELECT * FROM visclf.lr_find('asking', pretrained => 'closed')$$), ($$CALL visclf.resume('closed')$$),
	($$CALL visclf.share('closed', 'public')$$), ($$CALL visclf.unshare('closed', 'public')$$),
	($$CALL visclf.activate('closed', 1)$$), ($$CALL visclf.drop_model('closed')$$)) q(query);
SELECT count(*) FROM visclf.models WHERE model = 'closed';
-- states of corrected_share are bytes, which anybody can make up
CREATE FUNCTION made_up(method int, label text, images bigint, probabilities int, known text DEFAULT NULL) RETURNS visclf.share_state LANGUAGE sql AS $$
	SELECT '\x76637331'::bytea || int4send(4) || 'seen'::bytea || int4send(13) || 'illustrations'::bytea || int4send(method)
		|| int8send(1) || coalesce(int4send(length(label)) || convert_to(label, 'UTF8'), int4send(-1)) || int8send(images)
		|| int4send(probabilities) || coalesce((SELECT string_agg(float4send((i = 1)::int), '') FROM generate_series(1, probabilities) i), '')
		|| CASE WHEN known IS NULL THEN int8send(0) ELSE int8send(1) || int4send(length(known)) || convert_to(known, 'UTF8')
			|| int4send(-1) || int4send(-1) || int4send(-1) || float8send('NaN') || int8send(images) END $$;
SELECT method, images, probabilities, outcome(format(
	'SELECT visclf.corrected_share(s) FROM generate_series(1, 20), eve.made_up(%L, %L, %L, %L) s', method, 'illustrations', images, probabilities))
FROM unnest('{0,1,2,3,4}'::int[]) method, unnest('{1,1000000,900000000000000}'::bigint[]) images, unnest('{-1,2,3}'::int[]) probabilities
ORDER BY 1, 2, 3;
SELECT label, known, method, outcome(format('SELECT visclf.corrected_share(eve.made_up(%L, %L, 1, %L, %L))', method, label, -1, known))
FROM (VALUES (NULL, NULL, 1), (NULL, NULL, 2), ('illustrations', 'illustrations', 2), (NULL, 'illustrations', 1), ('nothing', NULL, 2)) v(label, known, method);
-- a state of a million labels can be canceled
CREATE TABLE many_labels AS SELECT '\x76637331'::bytea || int4send(4) || 'seen'::bytea || int4send(13) || 'illustrations'::bytea || int4send(2) || int8send(1000000)
	|| string_agg(int4send(7) || lpad(i::text, 7, '0')::bytea || int8send(1) || int4send(-1), '' ORDER BY i) || int8send(0) AS state FROM generate_series(1, 1000000) i;
SET statement_timeout = '1s';
SELECT visclf.corrected_share(state::visclf.share_state) FROM many_labels;
RESET statement_timeout;
-- keys that are kept out of line outlive their row's transaction
CREATE TABLE long_keys (id text, image bytea);
ALTER TABLE long_keys ALTER id SET STORAGE EXTERNAL;
INSERT INTO long_keys SELECT repeat(md5(id::text), 70), image FROM adverts WHERE id <= 20;
CALL visclf.classify_table('shared', 'long_keys', 'id', 'long_keys_said');
SELECT count(*), min(length(id)) FROM long_keys_said JOIN long_keys USING (id);
DO $$
DECLARE
	name text;
BEGIN
	FOR name IN SELECT DISTINCT model FROM visclf.models WHERE owner = current_user LOOP
		CALL visclf.drop_model(name);
	END LOOP;
END $$;
RESET ROLE;
SET client_min_messages = error;
CALL visclf.drop_model('on hers');
CALL visclf.drop_model('on hers, many');
CALL visclf.drop_model('shared');
CALL visclf.drop_model('closed');
CALL visclf.drop_model('seen');
RESET search_path;
DROP OWNED BY regress_visclf_eve CASCADE;
DROP TABLE own, own_labels, own_said, keyed_said, guarded_rows, theirs, theirs_guarded;
DROP ROLE regress_visclf_eve, regress_visclf_else;
RESET visclf.batch_size;
RESET client_min_messages;
\set VERBOSITY default
