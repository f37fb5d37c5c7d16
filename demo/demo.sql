-- The main job, as a historian would do it: load, train, classify, count.

\set QUIET on
\pset footer off
\pset linestyle unicode
\pset border 1

CREATE EXTENSION visclf;

\echo
\echo '== adverts cropped from newspapers; some hundred have a label'
CREATE TABLE adverts (
	id			bigint PRIMARY KEY,
	newspaper	text,
	place		text,
	published	date,
	label		text,		-- what somebody has read so far
	truth		text,		-- known here, since the adverts are generated
	image		bytea
);
\copy adverts FROM PROGRAM './adverts --count 3000 --labelled 500'
SELECT count(*) AS adverts, count(label) AS labelled, min(published), max(published),
	pg_size_pretty(sum(octet_length(image))) AS jpeg
FROM adverts;

\echo
\echo '== train a small network on those: three times on two thirds, to be told of the other third, then on all'
CALL visclf.train('adverts', 'adverts', key_column => 'id',
	architecture => 'resnet20', epochs => 16, batch_size => 16, learning_rate => 8e-3, folds => 3);

SELECT fold, phase, epoch, train_loss, valid_loss, accuracy, time
FROM visclf.training_log ORDER BY finished_at;

\echo
\echo '== how it errs on the images that were held out'
SELECT * FROM visclf.confusion_matrix('adverts');

\echo
\echo '== classify them all'
\timing on
CALL visclf.classify_table('adverts', 'adverts', 'id', 'predictions');
\timing off
CREATE VIEW advert_predictions AS
SELECT a.id, a.image, extract(year FROM a.published)::int AS year, extract(decade FROM a.published)::int * 10 AS decade, a.place,
	a.label AS known, p.label, p.confidence, p.probabilities, p.model_id, p.error, a.truth
FROM adverts a JOIN predictions p USING (id);

\echo
\echo '== of the adverts without a label, how many are right'
SELECT count(*) AS adverts, round(avg((p.label = a.truth)::int), 3) AS accuracy
FROM adverts a JOIN predictions p USING (id) WHERE a.label IS NULL;

\echo
\echo '== share of illustrated adverts by decade: as counted; corrected, with its 95 % interval; the truth'
CREATE FUNCTION percent(share float8) RETURNS numeric LANGUAGE sql AS 'SELECT round(100 * share::numeric, 1)';
SELECT p.groups ->> 'decade' AS decade, p.images AS adverts, percent(p.raw_share) AS counted, percent(p.share) AS corrected,
	percent(p.low) AS low, percent(p.high) AS high, percent(t.truth) AS truth,
	percent(abs(p.raw_share - t.truth)) AS "counted is off by", t.truth BETWEEN p.low AND p.high AS "truth inside"
FROM visclf.prevalence('adverts', 'advert_predictions', '{decade}') p
JOIN (SELECT decade, avg((truth = 'illustrations')::int)::float8 AS truth FROM advert_predictions GROUP BY decade) t
	ON t.decade = (p.groups ->> 'decade')::int
WHERE p.class = 'illustrations' ORDER BY 1;

\echo
\echo '== the same by place'
SELECT p.groups ->> 'place' AS place, p.images AS adverts, percent(p.raw_share) AS counted, percent(p.share) AS corrected,
	percent(p.low) AS low, percent(p.high) AS high, percent(t.truth) AS truth, t.truth BETWEEN p.low AND p.high AS "truth inside"
FROM visclf.prevalence('adverts', 'advert_predictions', '{place}') p
JOIN (SELECT place, avg((truth = 'illustrations')::int)::float8 AS truth FROM advert_predictions GROUP BY place) t
	ON t.place = p.groups ->> 'place'
WHERE p.class = 'illustrations' ORDER BY 1;

\echo
\echo '== how wide the intervals of the decades are: from the labels alone, from predictions corrected by held-out errors, from both'
SELECT d.decade, percent(d.width) AS "labels alone", percent(a.high - a.low) AS "predictions, corrected", percent(p.high - p.low) AS both
FROM (SELECT decade, w.high - w.low AS width FROM (SELECT decade, count(*) FILTER (WHERE known = 'illustrations') AS hits, count(known) AS labelled
		FROM advert_predictions GROUP BY decade) n, visclf.wilson_interval(hits, labelled) w) d
JOIN visclf.prevalence('adverts', 'advert_predictions', '{decade}', 'acc', known_column => NULL) a ON a.groups ->> 'decade' = d.decade::text AND a.class = 'illustrations'
JOIN visclf.prevalence('adverts', 'advert_predictions', '{decade}') p ON p.groups ->> 'decade' = d.decade::text AND p.class = 'illustrations' ORDER BY 1;

\echo
\echo '== did it change?'
SELECT from_group AS from, to_group AS to, percent(difference) AS difference, percent(low) AS low, percent(high) AS high, changed
FROM visclf.change('adverts', 'advert_predictions', 'decade') WHERE class = 'illustrations';

CREATE TABLE years AS
SELECT (p.groups ->> 'year')::int AS year, p.images AS adverts, p.raw_share AS counted, p.share AS corrected, p.low, p.high, t.truth
FROM visclf.prevalence('adverts', 'advert_predictions', '{year}') p
JOIN (SELECT year, avg((truth = 'illustrations')::int)::float8 AS truth FROM advert_predictions GROUP BY year) t
	ON t.year = (p.groups ->> 'year')::int
WHERE p.class = 'illustrations';

\echo
\echo '== the years in which the count is furthest off'
SELECT year, adverts, percent(counted) AS counted, percent(corrected) AS corrected, percent(low) AS low, percent(high) AS high, percent(truth) AS truth,
	percent(abs(counted - truth)) AS "counted is off by", truth BETWEEN low AND high AS "truth inside"
FROM years ORDER BY abs(counted - truth) DESC LIMIT 8;
SELECT count(*) AS years, count(*) FILTER (WHERE truth BETWEEN low AND high) AS "truth inside the band",
	percent(avg(counted - truth) FILTER (WHERE year < 1860)) AS "counted - truth, first decade",
	percent(avg(corrected - truth) FILTER (WHERE year < 1860)) AS "corrected - truth",
	percent(avg(counted - truth) FILTER (WHERE year >= 1890)) AS "counted - truth, last decade",
	percent(avg(corrected - truth) FILTER (WHERE year >= 1890)) AS "corrected - truth"
FROM years;
\copy (SELECT * FROM years ORDER BY year) TO 'counts.csv' CSV HEADER

\pset format unaligned
\pset tuples_only on
\o report.html
SELECT visclf.report('adverts', 'advert_predictions', 'year', 'place', title => 'Illustrated adverts, 1850 to 1899');
\o
