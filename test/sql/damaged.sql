-- Damaged images and weights: what is said of them, and what is refused.
SET client_min_messages = warning;
SET visclf.shared_weights = 0;
\set VERBOSITY terse

---------------------------------------------------------------------------
-- Images that are cut off
---------------------------------------------------------------------------
CREATE TABLE cut AS
SELECT id * 10 + number AS key, id, part, truth, substr(image, 1, length(image) * part / 100) AS image
FROM adverts, unnest(ARRAY[20, 85, 100]) WITH ORDINALITY x(part, number) WHERE id <= 20;
ALTER TABLE cut ADD PRIMARY KEY (key);

SELECT part, complete, count(*) FROM cut, visclf.image_info(image) GROUP BY 1, 2 ORDER BY 1;
SELECT part, count(p.label) AS labels, count(*) FILTER (WHERE p.warning ~ '^image is cut off: [12]\d % of its rows are missing$') AS warnings,
	count(*) FILTER (WHERE p.error ~ '^image is cut off: [6-9]\d % of its rows are missing$') AS errors
FROM cut, visclf.classify('small', image) p GROUP BY 1 ORDER BY 1;
-- the others say the same, (...).* too
SELECT count(*), count(*) FILTER (WHERE (a.p).warning IS NOT DISTINCT FROM b.warning AND (a.p).error IS NOT DISTINCT FROM b.error) AS same
FROM (SELECT key, visclf.classify_batch('small', image) OVER () AS p FROM cut) a
JOIN (SELECT key, (visclf.classify('small', image)).* FROM cut) b USING (key);
CALL visclf.classify_table('small', 'cut', 'key', 'cut_said');
SELECT part, count(label) AS labels, count(warning) AS warnings, count(error) AS errors FROM cut_said JOIN cut USING (key) GROUP BY 1 ORDER BY 1;
CREATE TABLE cut_rows (key bigint, image bytea, prediction visclf.prediction);
CREATE TRIGGER said BEFORE INSERT OR UPDATE ON cut_rows FOR EACH ROW EXECUTE FUNCTION visclf.classify_trigger('small');
INSERT INTO cut_rows SELECT key, image FROM cut;
SELECT count(*) FROM cut_rows JOIN cut_said s USING (key)
WHERE (prediction).warning IS NOT DISTINCT FROM s.warning AND (prediction).error IS NOT DISTINCT FROM s.error;
-- what has half of its rows is a thumbnail and has features, what has less is not
SELECT part, count(visclf.thumbnail(image)) AS thumbnails, count(visclf.embed('small', image)) AS features FROM cut GROUP BY 1 ORDER BY 1;

-- closed with an end, or filled up to its size, it is no better
SELECT complete, p.warning ~ 'rows are missing' AS warning
FROM cut, visclf.image_info(image || '\xffd9') i, visclf.classify('small', image || '\xffd9') p WHERE part = 85 AND id = 1;
SELECT complete, p.warning <> '' AS warning
FROM cut, visclf.image_info(image || decode(repeat('00', 20000), 'hex')) i,
	visclf.classify('small', image || decode(repeat('00', 20000), 'hex')) p WHERE part = 85 AND id = 1;

-- tables of predictions from before there were warnings, or with one of one's own, go on working
CREATE TABLE cut_older (key bigint PRIMARY KEY, label text, confidence real, labels text[], probabilities real[], model_id int, error text, classified_at timestamptz);
CREATE TABLE cut_own (LIKE cut_older INCLUDING ALL, warning boolean DEFAULT true);
CALL visclf.classify_table('small', 'cut', 'key', 'cut_older');
CALL visclf.classify_table('small', 'cut', 'key', 'cut_own');
SELECT count(*), count(*) FILTER (WHERE (o.label, o.error) IS NOT DISTINCT FROM (s.label, s.error)) AS same,
	count(*) FILTER (WHERE w.warning) AS untouched
FROM cut_said s JOIN cut_older o USING (key) JOIN cut_own w USING (key);

-- training and counting tell how many
CREATE VIEW cut_labelled AS SELECT key, truth AS label, image FROM cut WHERE part > 20 OR id > 18;
CALL visclf.train('cut', 'cut_labelled', key_column => 'key', architecture => 'resnet20', image_size => 16, epochs => 1);
SELECT class, images, failed, warning ~ 'images of the group are cut off or damaged: 20' AS warning FROM visclf.prevalence('small', 'cut_said');
SELECT class, warning ~ 'images of the group are cut off or damaged: 20' AS warning FROM visclf.prevalence('small', 'cut_said', method => 'pcc');
SELECT bool_or(coalesce(warning, '') ~ 'cut off') AS warning FROM visclf.prevalence('small', 'cut_older');

-- one picture in the place of many, whose labels disagree and then agree
CREATE VIEW substituted AS
SELECT id, label, CASE WHEN id % 4 = 0 THEN (SELECT a.image FROM adverts a WHERE a.id = 4) ELSE image END AS image
FROM adverts WHERE label IS NOT NULL;
SELECT count(*) AS rows, least(count(*) FILTER (WHERE label = 'text-only'), count(*) FILTER (WHERE label <> 'text-only')) AS with_another_label
FROM substituted WHERE id % 4 = 0;
CALL visclf.train('cut', 'substituted', architecture => 'resnet20', image_size => 16, epochs => 1);
CREATE VIEW agreeing AS SELECT * FROM substituted WHERE id % 4 <> 0 OR label = 'text-only';
SELECT count(*) AS rows FROM agreeing WHERE id % 4 = 0;
CALL visclf.train('cut', 'agreeing', architecture => 'resnet20', image_size => 16, epochs => 1);

---------------------------------------------------------------------------
-- Weights that are no numbers
---------------------------------------------------------------------------

-- a safetensors file with some bytes of a tensor, or some text of its header, changed
CREATE FUNCTION header_length(file bytea) RETURNS int LANGUAGE sql IMMUTABLE AS
$$ SELECT get_byte(file, 0) + 256 * get_byte(file, 1) + 65536 * get_byte(file, 2) $$;
CREATE FUNCTION spoiled(file bytea, tensor text, number int, value bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS
$$ SELECT overlay(file PLACING value FROM 9 + header_length(file) + 4 * (number - 1)
	+ (convert_from(substr(file, 9, header_length(file)), 'UTF8')::jsonb -> tensor -> 'data_offsets' ->> 0)::int) $$;
CREATE FUNCTION reworded(file bytea, old text, new text) RETURNS bytea LANGUAGE sql IMMUTABLE AS
$$ SELECT set_byte(set_byte(set_byte('\x0000000000000000'::bytea, 0, length(h) % 256), 1, length(h) / 256 % 256), 2, length(h) / 65536)
	|| h || substr(file, 9 + header_length(file))
	FROM (SELECT convert_to(replace(convert_from(substr(file, 9, header_length(file)), 'UTF8'), old, new), 'UTF8') AS h) x $$;
CREATE TABLE weights_file AS SELECT visclf.export_model('small') AS file;
SELECT visclf.import_model('spoiled', spoiled(file, 'layer2.0.bn1.running_var', 3, '\x0000c07f')) FROM weights_file;
SELECT visclf.import_model('spoiled', spoiled(file, 'layer2.0.bn1.running_var', 1, '\x000080bf')) FROM weights_file;
SELECT visclf.import_model('spoiled', spoiled(file, 'conv1.weight', 432, '\x0000807f')) FROM weights_file;
SELECT visclf.import_model('spoiled', spoiled(file, 'head.linear2.weight', 2, '\x000080ff')) FROM weights_file;
SELECT visclf.import_model('spoiled', spoiled(file, 'layer3.2.conv2.weight', 2000, '\x0000007f')) FROM weights_file;
SELECT visclf.import_model('spoiled', spoiled(file, 'bn1.bias', 2, '\x000080bf')) > 0 AS negative_biases_are_allowed FROM weights_file;
SELECT visclf.import_model('spoiled', reworded(file, '"image_size":"32"', '"image_size":"99999999999"')) FROM weights_file;
SELECT visclf.import_model('spoiled', reworded(file, '"image_size":"32"', '"image_size":"32 pixels"')) FROM weights_file;
SELECT visclf.import_model('spoiled', reworded(file, '"image_size":"32"', '"image_size":"33"')) > 0 AS can_be_changed FROM weights_file;
SELECT visclf.import_model('spoiled', file, std => '{1,1e-40,1}') FROM weights_file;
SELECT visclf.import_model('spoiled', file, mean => '{0,-1e30,0}') FROM weights_file;

-- stored ones, whatever they are wanted for
SELECT visclf.import_model('spoiled', file) AS model_id FROM weights_file \gset
UPDATE visclf.weight SET data = overlay(data PLACING '\x0000c07f' FROM 9) WHERE model_id = :model_id AND name = 'layer2.0.bn1.running_var';
SELECT visclf.classify('spoiled', image) FROM adverts WHERE id = 1;
SELECT visclf.classify_batch('spoiled', image) OVER () FROM adverts WHERE id = 1;
SELECT visclf.embed('spoiled', image) FROM adverts WHERE id = 1;
SELECT visclf.export_model('spoiled');
CALL visclf.classify_table('spoiled', 'cut', 'key', 'spoiled_said');
CALL visclf.train('from_spoiled', 'adverts', pretrained => 'spoiled', epochs => 1);
CALL visclf.train('from_spoiled', 'adverts', pretrained => 'spoiled', method => 'probe');
CREATE VIEW repeated_adverts AS SELECT image FROM adverts, generate_series(1, 4);
SELECT visclf.calibrate_int8('spoiled', 'repeated_adverts', images => 564);
SET visclf.shared_weights = '100MB';
SELECT visclf.classify('spoiled', image) FROM adverts WHERE id = 1;
SET visclf.shared_weights = 0;
UPDATE visclf.weight SET data = overlay(data PLACING '\x0000803f' FROM 9) WHERE model_id = :model_id AND name = 'layer2.0.bn1.running_var';
SELECT p.confidence BETWEEN 0 AND 1 AS mended FROM adverts, visclf.classify('spoiled', image) p WHERE id = 1;
UPDATE visclf.model SET multi_label = true, thresholds = '{0.5,NaN}' WHERE model_id = :model_id;
SELECT visclf.classify('spoiled', image) FROM adverts WHERE id = 1;

-- large, but allowed one by one: what overflows is no label
UPDATE visclf.model SET multi_label = false, thresholds = NULL WHERE model_id = :model_id;
UPDATE visclf.weight SET data = decode(repeat('a5d46853', length(data) / 4), 'hex') WHERE model_id = :model_id AND name IN ('head.linear1.weight', 'head.norm2.weight', 'head.linear2.weight');
UPDATE visclf.weight SET data = decode(repeat('00000000', length(data) / 4), 'hex') WHERE model_id = :model_id AND name = 'head.norm2.running_var';
SELECT count(p.confidence) FROM adverts, visclf.classify('spoiled', image) p;
SELECT count(p) FROM (SELECT visclf.classify_batch('spoiled', image) OVER () AS p FROM adverts) x;
SELECT visclf.embed('spoiled', image) IS NOT NULL AS features_are_numbers FROM adverts WHERE id = 1;

-- a training that runs away keeps nothing and is not used; nor is it gone on with
CALL visclf.train('away', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1);
CALL visclf.train('away', 'adverts', architecture => 'resnet20', image_size => 32, learning_rate => 99, head => 'linear', weight_decay => 1, epochs => 20);
SELECT version, status, active, (SELECT count(*) FROM visclf.weight w WHERE w.model_id = m.model_id) AS tensors FROM visclf.models m WHERE model = 'away' ORDER BY version;
CALL visclf.resume('away');
CALL visclf.drop_model('away');

-- rows of validation that somebody writes to while a training with folds goes on
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.probabilities := '{}';
	RETURN NEW;
END $$;
CREATE TRIGGER meddle BEFORE INSERT ON visclf.validation_rows FOR EACH ROW WHEN (NEW.row_number = 1) EXECUTE FUNCTION meddle();
CREATE VIEW subjects_of_adverts AS SELECT image, ARRAY[label] AS label FROM adverts WHERE label IS NOT NULL LIMIT 40;
CALL visclf.train('folded', 'subjects_of_adverts', architecture => 'resnet20', image_size => 16, epochs => 1, folds => 2);
DROP TRIGGER meddle ON visclf.validation_rows;
CALL visclf.drop_model('folded');
DROP VIEW subjects_of_adverts;

DROP VIEW repeated_adverts, agreeing, substituted, cut_labelled;
DROP TABLE cut, cut_said, cut_rows, cut_older, cut_own, weights_file;
DROP FUNCTION spoiled, reworded, header_length, meddle;
CALL visclf.drop_model('spoiled');
CALL visclf.drop_model('cut');
