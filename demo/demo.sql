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
\echo '== train a small network on those'
CALL visclf.train('adverts', 'adverts', key_column => 'id',
	architecture => 'resnet20', epochs => 16, batch_size => 16, learning_rate => 8e-3);

SELECT phase, epoch, train_loss, valid_loss, accuracy, time
FROM visclf.training_log ORDER BY finished_at;

\echo
\echo '== classify them all'
\timing on
CREATE TABLE predictions AS
SELECT a.id, (a.p).label, (a.p).confidence, (a.p).error
FROM (SELECT id, visclf.classify_batch('adverts', image) OVER () AS p FROM adverts) a;
\timing off

\echo
\echo '== of the adverts without a label, how many are right'
SELECT count(*) AS adverts, round(avg((p.label = a.truth)::int), 3) AS accuracy
FROM adverts a JOIN predictions p USING (id) WHERE a.label IS NULL;

\echo
\echo '== illustrated adverts by decade and place: counted, and the truth'
SELECT extract(decade FROM published) * 10 AS decade, place, count(*) AS adverts,
	count(*) FILTER (WHERE p.label = 'illustrations') AS illustrated,
	count(*) FILTER (WHERE a.truth = 'illustrations') AS truth,
	round(avg((p.label = 'illustrations')::int), 2) AS share,
	round(avg((a.truth = 'illustrations')::int), 2) AS true_share
FROM adverts a JOIN predictions p USING (id)
GROUP BY 1, 2 ORDER BY 1, 2;

\copy (SELECT extract(year FROM published) AS year, place, count(*) AS adverts, count(*) FILTER (WHERE p.label = 'illustrations') AS illustrated, count(*) FILTER (WHERE a.truth = 'illustrations') AS truth FROM adverts a JOIN predictions p USING (id) GROUP BY 1, 2 ORDER BY 1, 2) TO 'counts.csv' CSV HEADER
