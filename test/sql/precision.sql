-- Classifying in 8-bit integers.
SET client_min_messages = warning;

-- training calibrates: a range for each node, and how often int8 says the same
SELECT array_length(activation_ranges, 1) > 50 AS ranges, (SELECT bool_and(r >= 0) FROM unnest(activation_ranges) r) AS none_below_0,
	int8_agreement BETWEEN 0.8 AND 1 AS agreement
FROM visclf.model WHERE name = 'small' AND active;

-- the agreement is what the stored validation rows tell
CREATE TEMP TABLE held_out AS
SELECT a.id, a.image, v.predicted, v.probabilities FROM visclf.validation v JOIN visclf.models m USING (model_id)
JOIN adverts a ON a.id::text = v.key WHERE m.model = 'small' AND m.active;
SET visclf.precision = int8;
SELECT abs(avg(((p).label = h.predicted)::int) - (SELECT int8_agreement FROM visclf.models WHERE model = 'small' AND active)) < 1e-6 AS agreement
FROM (SELECT h.*, visclf.classify('small', h.image) AS p FROM held_out h) h;

-- close to float32, but not the same; in batches the same as alone
SELECT max(abs(p.probabilities[1] - h.probabilities[1])) BETWEEN 1e-7 AND 0.2 AS near_float32
FROM held_out h CROSS JOIN LATERAL visclf.classify('small', h.image) p;
SELECT count(*), max(abs((b.p).probabilities[1] - p.probabilities[1])) < 1e-5 AS same
FROM (SELECT image, visclf.classify_batch('small', image) OVER () AS p FROM adverts) b
	CROSS JOIN LATERAL visclf.classify('small', b.image) p;

-- features stay float32
CREATE TEMP TABLE features AS SELECT visclf.embed('small', image) AS f FROM adverts WHERE id = 1;
SET visclf.precision = float32;
SELECT visclf.embed('small', image) = f AS same FROM adverts, features WHERE id = 1;
SELECT max(abs(p.probabilities[1] - h.probabilities[1])) < 1e-4 AS float32
FROM held_out h CROSS JOIN LATERAL visclf.classify('small', h.image) p;
RESET visclf.precision;

-- ranges travel with the file; a file without them knows no int8
SELECT visclf.import_model('carried', visclf.export_model('small')) > 0 AS imported;
SELECT a.activation_ranges = b.activation_ranges AS ranges, a.int8_agreement = b.int8_agreement AS agreement
FROM visclf.model a, visclf.model b WHERE a.name = 'small' AND a.active AND b.name = 'carried';
BEGIN;
UPDATE visclf.model SET activation_ranges = NULL, int8_agreement = NULL WHERE name = 'carried';
SET LOCAL visclf.precision = int8;
SELECT visclf.classify('carried', image) IS NULL FROM adverts WHERE id = 1;
ROLLBACK;

-- a version from elsewhere is calibrated on images of a table, in this session too, whatever is ready to run
UPDATE visclf.model SET activation_ranges = NULL, int8_agreement = NULL WHERE name = 'carried';
CREATE TEMP VIEW pictures AS SELECT image FROM adverts, generate_series(1, 4) UNION ALL VALUES (NULL), ('no image'::bytea);
CREATE TEMP TABLE said AS SELECT visclf.classify('carried', image) AS p FROM adverts WHERE id = 1;
CREATE TEMP TABLE told AS SELECT visclf.calibrate_int8('carried', 'pictures') AS agreement;
SELECT agreement = int8_agreement AS kept, agreement BETWEEN 0.8 AND 1 AS agreement FROM told, visclf.models WHERE model = 'carried';
SELECT count(*) > 50 AS nodes, bool_and(x BETWEEN 0.4 * y AND 2.5 * y) AS near
FROM visclf.model a, visclf.model b, unnest(a.activation_ranges, b.activation_ranges) u(x, y)
WHERE a.name = 'small' AND a.active AND b.name = 'carried';
SET visclf.precision = int8;
SELECT (s.p).probabilities <> p.probabilities AS other, abs((s.p).probabilities[1] - p.probabilities[1]) < 0.2 AS near
FROM said s, adverts, visclf.classify('carried', image) p WHERE id = 1;

-- a calibration that is rolled back is forgotten at once
BEGIN;
UPDATE visclf.model SET activation_ranges = NULL, int8_agreement = NULL WHERE name = 'carried';
SELECT visclf.classify('carried', image) IS NULL FROM adverts WHERE id = 1;
ROLLBACK;
UPDATE visclf.model SET activation_ranges = NULL, int8_agreement = NULL WHERE name = 'carried';
BEGIN;
SELECT visclf.calibrate_int8('carried', 'pictures') > 0 AS calibrated;
SELECT (visclf.classify('carried', image)).error FROM adverts WHERE id = 1;
ROLLBACK;
SELECT visclf.classify('carried', image) IS NULL FROM adverts WHERE id = 1;
RESET visclf.precision;
BEGIN READ ONLY;
SELECT visclf.calibrate_int8('carried', 'pictures');
ROLLBACK;
SELECT visclf.calibrate_int8('carried', 'adverts');
SELECT visclf.calibrate_int8('carried', 'pictures', images => 100);
SELECT visclf.calibrate_int8('carried', 'pictures', image_column => NULL);
SELECT visclf.calibrate_int8('carried', 'adverts', 'place');
SELECT visclf.calibrate_int8('nobody', 'pictures');
SELECT visclf.calibrate_int8('carried', 'visclf.model_model_id_seq');
CREATE ROLE regress_visclf_reader;
CALL visclf.share('carried', 'regress_visclf_reader');
SET ROLE regress_visclf_reader;
SELECT visclf.calibrate_int8('carried', 'pictures');
RESET ROLE;
CALL visclf.unshare('carried', 'regress_visclf_reader');
DROP ROLE regress_visclf_reader;
