-- Counting where some labels are known: folds, method ppi, change, plans, samples, states.
SET client_min_messages = warning;

-- folds: what is said of each labelled image by a network that has not seen it
CALL visclf.train('folded', 'adverts', key_column => 'id', pretrained => 'small', method => 'probe');
SELECT fold, count(*), count(*) FILTER (WHERE v.label = 'illustrations') AS illustrations, bool_and(v.label = a.label) AS labels
FROM visclf.validation v JOIN visclf.models USING (model_id) JOIN adverts a ON a.id::text = v.key WHERE model = 'folded' GROUP BY fold ORDER BY fold;
SELECT m.accuracy = (SELECT avg((label = predicted)::int)::real FROM visclf.validation v WHERE v.model_id = m.model_id) AS of_all, train_images, valid_images
FROM visclf.models m WHERE model = 'folded';
SELECT fold, phase, epoch, valid_loss IS NULL AS blind FROM visclf.training_log WHERE model = 'folded' ORDER BY finished_at;
-- groups stay together; two runs are equal
CALL visclf.train('fold_grouped', 'adverts', key_column => 'id', group_column => 'newspaper', architecture => 'resnet20', image_size => 16, epochs => 1, batch_size => 16, folds => 3);
CALL visclf.train('fold_again', 'adverts', key_column => 'id', group_column => 'newspaper', architecture => 'resnet20', image_size => 16, epochs => 1, batch_size => 16, folds => 3);
SELECT count(DISTINCT v.key) AS keys, count(DISTINCT group_key) AS groups, count(DISTINCT (group_key, fold)) AS groups_and_folds, bool_and(a.newspaper = group_key) AS of_the_row
FROM visclf.validation v JOIN visclf.models USING (model_id) JOIN adverts a ON a.id::text = v.key WHERE model = 'fold_grouped';
SELECT count(*) AS differences FROM (
	(SELECT name, data FROM visclf.weight JOIN visclf.models USING (model_id) WHERE model = 'fold_grouped'
	 EXCEPT SELECT name, data FROM visclf.weight JOIN visclf.models USING (model_id) WHERE model = 'fold_again')
	UNION ALL (SELECT key, float4send(loss) FROM visclf.validation JOIN visclf.models USING (model_id) WHERE model = 'fold_grouped'
	 EXCEPT SELECT key, float4send(loss) FROM visclf.validation JOIN visclf.models USING (model_id) WHERE model = 'fold_again')) d;
SELECT fold, count(*) FROM visclf.training_log WHERE model = 'fold_grouped' GROUP BY fold ORDER BY fold;
CALL visclf.train('fold_sets', 'subjects', label_column => 'subjects', key_column => 'id', pretrained => 'many', method => 'probe', folds => 2);
SELECT count(*), count(DISTINCT v.key), bool_and(v.predicted_labels = ARRAY(SELECT c.class FROM unnest(m.classes, m.thresholds, v.probabilities)
	WITH ORDINALITY c(class, threshold, probability, place) WHERE c.probability >= c.threshold ORDER BY c.place)) AS by_threshold
FROM visclf.validation v JOIN visclf.model m USING (model_id) WHERE m.name = 'fold_sets';
-- a class with few images is held out by number
CREATE VIEW rare AS SELECT id, image, CASE WHEN id <= 8 THEN 'rare' ELSE label END AS label FROM adverts WHERE label IS NOT NULL;
CALL visclf.train('fold_rare', 'rare', key_column => 'id', architecture => 'resnet20', image_size => 16, epochs => 1, batch_size => 16);
SELECT count(*) AS rare_held_out FROM visclf.validation v JOIN visclf.models USING (model_id) WHERE model = 'fold_rare' AND label = 'rare';

-- a model that finds 90 of 100 pictures and takes 10 of 100 texts for one; 2 years of 500 images, a fifth of which somebody has looked at
BEGIN;
SELECT visclf.import_model('reader', visclf.export_model('small'), classes => '{pic,text}') AS reader \gset
CREATE TABLE looked AS
SELECT (year - 1900) * 50 + n AS id, year, 'page ' || n / 10 AS page, CASE WHEN said THEN 'pic' ELSE 'text' END AS label, 0.9::real AS confidence,
	CASE WHEN n % 5 = 0 THEN CASE WHEN truth THEN 'pic' ELSE 'text' END END AS known, 'map' AS kind, :reader AS model_id
FROM (SELECT year, n, n / 5 % 100 < share AS truth, ((n / 5 % 100 < share) = (n * 7 % 50 >= 5)) AS said
	  FROM (VALUES (1900, 20), (1910, 60)) y(year, share), generate_series(0, 499) n) x;
SELECT groups, class, images, labelled, raw_share::numeric(5, 3) AS raw, share::numeric(5, 3), (high - low)::numeric(5, 3) AS width, borrowed BETWEEN 0.01 AND 0.5 AS borrowed, warning
FROM visclf.prevalence('reader', 'looked', '{year}');
-- of all together: the formula of PPI++, by hand
SELECT p.share::numeric(12, 10) = f.share::numeric(12, 10) AS formula, p.borrowed FROM visclf.prevalence('reader', 'looked') p, (
	SELECT avg((label = 'pic')::int) FILTER (WHERE known IS NOT NULL) AS f, regr_slope((known = 'pic')::int, (label = 'pic')::int) AS lambda,
		avg((known = 'pic')::int) AS y, avg((label = 'pic')::int) AS all_f FROM looked) s,
	LATERAL (SELECT s.y + s.lambda * (s.all_f - s.f) AS share) f WHERE p.class = 'pic';
-- all known: no width; other methods count what is known too
SELECT groups, share, low = high AS exact FROM visclf.prevalence('reader', 'looked', '{year}', known_column => 'label') WHERE class = 'pic';
SELECT method, share, low = high AS exact FROM unnest('{cc,ppi}'::text[]) method, visclf.prevalence('reader', 'looked', method => method, known_column => 'label') WHERE class = 'pic';
-- what was drawn together, and with what probability
SELECT c.high - c.low > p.high - p.low AS wider FROM visclf.prevalence('reader', 'looked') p JOIN visclf.prevalence('reader', 'looked', cluster_column => 'page') c USING (class) WHERE class = 'pic';
CREATE VIEW weighed AS SELECT *, CASE WHEN year = 1900 THEN 5 ELSE 1 END AS weight FROM looked WHERE year = 1900 OR known IS NOT NULL;
SELECT groups, share::numeric(5, 3), low = high AS exact FROM visclf.prevalence('reader', 'weighed', '{year}', weight_column => 'weight') WHERE class = 'pic';
SELECT share::numeric(5, 3) FROM visclf.prevalence('reader', 'weighed', weight_column => 'weight') WHERE class = 'pic'
UNION ALL SELECT (sum(share * images) / sum(images))::numeric(5, 3) FROM visclf.prevalence('reader', 'weighed', '{year}', weight_column => 'weight') WHERE class = 'pic';
-- what was said of a labelled image without having seen it counts, by key, in the place of what its prediction says
INSERT INTO visclf.validation (model_id, row_number, key, label, predicted, probabilities, loss, fold)
SELECT :reader, row_number() OVER (ORDER BY id), id::text, known, CASE WHEN known = 'pic' AND id % 2 = 0 THEN 'text' ELSE known END, '{0.5,0.5}', 0, 1 FROM looked WHERE known IS NOT NULL;
SELECT k.share > p.share AS corrected_more FROM visclf.prevalence('reader', 'looked') p JOIN visclf.prevalence('reader', 'looked', key_column => 'id') k USING (class) WHERE class = 'pic';
-- no label here: errors are those of the validation images, of no group
CREATE VIEW unlooked AS SELECT id, year, label, NULL::text AS known FROM looked;
SELECT DISTINCT p.share = a.share AS default_is_acc FROM visclf.prevalence('reader', 'unlooked') p JOIN visclf.prevalence('reader', 'unlooked', method => 'acc') a USING (class);
SELECT groups, borrowed, warning FROM visclf.prevalence('reader', 'unlooked', '{year}', 'ppi') WHERE class = 'pic';

-- did it change?
SELECT class, from_group, to_group, from_share::numeric(4, 2), to_share::numeric(4, 2), difference::numeric(4, 2), changed, slope::numeric(5, 3), slope_low < slope AND slope < slope_high AS inside
FROM visclf.change('reader', 'looked', 'year');
SELECT class, changed, difference::numeric(4, 2), slope FROM visclf.change('reader', 'looked', 'page', 'page 1', 'page 2', cluster_column => NULL) WHERE class = 'pic';
SELECT method, c.high - c.low < sqrt((a.high - a.low)^2 + (b.high - b.low)^2) AS less_than_apart
FROM unnest('{acc,cc}'::text[]) method, visclf.change('reader', 'unlooked', 'year', method => method) c,
	visclf.prevalence('reader', 'unlooked', '{year}', method) a, visclf.prevalence('reader', 'unlooked', '{year}', method) b
WHERE c.class = 'pic' AND a.class = 'pic' AND b.class = 'pic' AND a.groups ->> 'year' = '1900' AND b.groups ->> 'year' = '1910';

-- how many more labels, and which images
SELECT groups, images, labelled, width_now > 0.1 AS wide, more BETWEEN 20 AND 300 AS more, (SELECT max(q.more) FROM visclf.label_plan('reader', 'looked', 1, '{year}') q) AS none
FROM visclf.label_plan('reader', 'looked', 0.08, '{year}');
SELECT groups, count(*), count(DISTINCT key), min(probability) = max(probability) AS even, max(weight)::numeric(5, 2) AS weight,
	count(*) FILTER (WHERE key::int IN (SELECT id FROM looked WHERE known IS NOT NULL)) AS labelled_before
FROM visclf.sample_to_label('looked', 'id', 51, '{year}', 'known') GROUP BY groups ORDER BY groups;
SELECT (SELECT string_agg(key, ' ') FROM visclf.sample_to_label('looked', 'id', 9, label_column => 'known')) =
	(SELECT string_agg(key, ' ') FROM visclf.sample_to_label('looked', 'id', 9, label_column => 'known')) AS same_seed,
	(SELECT string_agg(key, ' ') FROM visclf.sample_to_label('looked', 'id', 9, label_column => 'known')) =
	(SELECT string_agg(key, ' ') FROM visclf.sample_to_label('looked', 'id', 9, label_column => 'known', seed => 1)) AS other_seed;
SELECT count(*) FROM visclf.sample_to_label('looked', 'id', 100000, label_column => 'known');

-- the aggregate says the same; so do parts of it that were counted apart, and workers
SELECT (c).share = p.share AND (c).low = p.low AND (c).high = p.high AND (c).labelled = p.labelled AS same
FROM (SELECT visclf.corrected_share('reader', label, 'pic', known, NULL, NULL, NULL) AS c FROM looked) c, visclf.prevalence('reader', 'looked') p WHERE p.class = 'pic';
SELECT abs((c).share - p.share) < 1e-9 AND abs((c).low - p.low) < 1e-9 AS same FROM (SELECT visclf.corrected_share('reader', label, 'pic', known, id::text, weight, page) AS c FROM weighed) c,
	visclf.prevalence('reader', 'weighed', key_column => 'id', weight_column => 'weight', cluster_column => 'page') p WHERE p.class = 'pic';
SELECT abs((visclf.corrected_share(s)).share - (SELECT (visclf.corrected_share('reader', label, 'pic', known, id::text, NULL, page)).share FROM looked)) < 1e-9 AS same
FROM (SELECT visclf.share_state('reader', label, 'pic', known, id::text, NULL, page) AS s FROM looked GROUP BY id % 7) parts;
SELECT (visclf.corrected_share('reader', label, 'pic', NULL, NULL, NULL, NULL)).share = (visclf.corrected_share('reader', label, 'pic')).share AS acc FROM looked;
SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT visclf.corrected_share('reader', label, 'pic', known, id::text, NULL, page) FROM looked;
SELECT abs((visclf.corrected_share('reader', label, 'pic', known, id::text, NULL, page)).low - (SELECT (visclf.corrected_share(s)).low FROM (
	SELECT visclf.share_state('reader', label, 'pic', known, id::text, NULL, page) AS s FROM looked) one)) < 1e-9 AS workers FROM looked;
RESET max_parallel_workers_per_gather;

-- when it does not hold
SAVEPOINT s;
DELETE FROM visclf.validation WHERE model_id = :reader;
INSERT INTO visclf.validation (model_id, row_number, label, predicted, probabilities, loss)
SELECT :reader, n, CASE WHEN n <= 100 THEN 'pic' ELSE 'text' END, CASE WHEN n <= 90 OR n > 190 THEN 'pic' ELSE 'text' END, '{0.6,0.4}', 0 FROM generate_series(1, 200) n;
CREATE VIEW few AS SELECT CASE WHEN n <= 20 THEN 'pic' ELSE 'text' END AS label, 0.97::real AS confidence FROM generate_series(1, 1000) n;
SELECT class, share::numeric(5, 3), low::numeric(5, 3), high::numeric(5, 3), warning FROM visclf.prevalence('reader', 'few');
ROLLBACK TO s;

-- images that carry any number of labels
SELECT visclf.import_model('signs', visclf.export_model('small'), classes => '{flag,tree}', multi_label => true) AS signs \gset
CREATE TABLE seen AS SELECT n AS id, CASE WHEN n % 2 = 0 THEN '{flag}' WHEN n % 3 = 0 THEN '{flag,tree}' ELSE '{}' END::text[] AS labels,
	CASE WHEN n % 4 = 0 THEN CASE WHEN n % 8 = 0 THEN '{flag,tree}' ELSE '{tree}' END::text[] END AS known FROM generate_series(1, 600) n;
SELECT class, images, labelled, raw_share::numeric(5, 3), share::numeric(5, 3), low < share AND share <= high AS inside FROM visclf.prevalence('signs', 'seen');

-- what is wrong
\set VERBOSITY terse
SAVEPOINT s;
SELECT * FROM visclf.prevalence('reader', 'looked', method => 'ppi', known_column => NULL); ROLLBACK TO s;
SELECT * FROM visclf.prevalence('reader', 'looked', known_column => 'nowhere'); ROLLBACK TO s;
SELECT * FROM visclf.prevalence('reader', 'looked', known_column => 'kind'); ROLLBACK TO s;
SELECT * FROM visclf.prevalence('reader', 'looked', weight_column => 'confidence'); ROLLBACK TO s;
SELECT * FROM visclf.prevalence('reader', 'unlooked', weight_column => 'label', known_column => NULL); ROLLBACK TO s;
SELECT * FROM visclf.prevalence('signs', 'seen', known_column => NULL, label_column => 'labels'); ROLLBACK TO s;
SELECT * FROM visclf.prevalence('reader', 'looked', confidence => 95); ROLLBACK TO s;
SELECT * FROM visclf.change('reader', 'looked', 'year', '1905'); ROLLBACK TO s;
SELECT * FROM visclf.change('reader', 'looked', 'year', '1910', '1910'); ROLLBACK TO s;
SELECT * FROM visclf.change('reader', 'unlooked', 'year', resamples => 0); ROLLBACK TO s;
SELECT * FROM visclf.label_plan('reader', 'looked', 2); ROLLBACK TO s;
SELECT * FROM visclf.sample_to_label('looked', 'id', 0); ROLLBACK TO s;
SELECT * FROM visclf.sample_to_label('looked', 'key', 5); ROLLBACK TO s;
SELECT visclf.corrected_share('\x'::visclf.share_state); ROLLBACK TO s;
SELECT visclf.corrected_share('\x76637331ffffffff'::visclf.share_state); ROLLBACK TO s;
SELECT visclf.corrected_share('\x766373310000000161000000016200000009'::visclf.share_state); ROLLBACK TO s;
SELECT visclf.corrected_share('\x7663733100000001610000000162000000020000000000000001ffffffff0000000000000001000000007fffffff'::visclf.share_state); ROLLBACK TO s;
SET LOCAL maintenance_work_mem = '1MB';
CREATE VIEW many_groups AS SELECT n AS id, 'pic' AS label, CASE WHEN n % 9 = 0 THEN 'pic' END AS known FROM generate_series(1, 5000) n;
SELECT * FROM visclf.prevalence('reader', 'many_groups', '{id}'); ROLLBACK TO s;
ROLLBACK;
CALL visclf.train('m', 'adverts', folds => 1);
CALL visclf.train('m', 'adverts', folds => 3, validation_share => 0.3);
CALL visclf.train('m', 'adverts', folds => 3, split_column => 'place');
CALL visclf.train('m', 'adverts', folds => 50, group_column => 'place', architecture => 'resnet20', image_size => 16);
SELECT count(*) FROM visclf.models WHERE model = 'm';
CALL visclf.drop_model('folded'); CALL visclf.drop_model('fold_grouped'); CALL visclf.drop_model('fold_again'); CALL visclf.drop_model('fold_sets'); CALL visclf.drop_model('fold_rare');
DROP VIEW rare;
