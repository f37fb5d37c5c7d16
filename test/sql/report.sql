-- Pictures to look at, and a page about what a model counts.
SET client_min_messages = warning;

-- thumbnails keep the aspect ratio and are never enlarged
SELECT bool_and(greatest(t.width, t.height) = 64 AND abs(t.width::float8 / t.height - i.width::float8 / i.height) < 0.1) AS shape,
	bool_and(t.components = i.components AND t.orientation = 1) AS kind
FROM adverts, visclf.image_info(image) i, visclf.image_info(visclf.thumbnail(image, 64)) t WHERE id <= 20;
SELECT bool_and((t.width, t.height) = (i.width, i.height)) AS not_enlarged
FROM adverts, visclf.image_info(image) i, visclf.image_info(visclf.thumbnail(image, 1024)) t WHERE id <= 5;
SELECT visclf.thumbnail('no image'), visclf.thumbnail(NULL);
SELECT visclf.thumbnail(image, 0) FROM adverts WHERE id = 1;

-- a contact sheet is an SVG image that holds its pictures, whatever the labels are
CREATE TABLE shown (id text, image bytea, label text, said text, confidence real);
INSERT INTO shown SELECT id, image, CASE id WHEN 1 THEN '<script>alert("1")</script>' WHEN 2 THEN E'a & b\x01' WHEN 3 THEN 'سفينة' WHEN 4 THEN NULL ELSE 'x' END,
	'y', id / 100.0 FROM adverts WHERE id <= 5;
INSERT INTO shown VALUES ('broken', 'no image', 'z', NULL, NULL), ('none', NULL, NULL, 'y', 0.9), (NULL, NULL, NULL, NULL, NULL);
CREATE FUNCTION texts(svg text, path text) RETURNS SETOF text LANGUAGE sql AS
$$ SELECT unnest(xpath(path, xmlparse(DOCUMENT svg), '{{s,http://www.w3.org/2000/svg}}'))::text $$;
SELECT visclf.contact_sheet('shown', n => 10, columns => 3, size => 100, title => '<Adverts>') AS sheet \gset
SELECT * FROM texts(:'sheet', '/s:svg/@width|/s:svg/@height');
SELECT count(*) AS images, count(DISTINCT t) AS different FROM texts(:'sheet', '//s:image/@href') t;
SELECT t FROM texts(:'sheet', '//s:title/text()') t ORDER BY t COLLATE "C";
SELECT :'sheet' ~ '[^\x01-\x7f]' AS not_ascii, :'sheet' ~ '<script' AS script;
SELECT visclf.contact_sheet('shown', seed => 1) = visclf.contact_sheet('shown', seed => 1) AS same,
	visclf.contact_sheet('shown', seed => 1) = visclf.contact_sheet('shown', seed => 2) AS other;
SELECT * FROM texts(visclf.contact_sheet('shown', 'least_confident', label_column => 'said', n => 3), '//s:g/s:title/text()');
SELECT count(*) FROM texts(visclf.contact_sheet('adverts', 'top_losses', 'small', n => 4), '//s:image');
SELECT count(*), min(t) FROM texts(visclf.contact_sheet('adverts', 'least_confident', predictions => 'shown', n => 4), '//s:image/@width') t;
SELECT * FROM texts(visclf.contact_sheet('shown', label_column => NULL, n => 1, size => 32), 'count(//s:text)');
CREATE VIEW nothing AS SELECT * FROM shown WHERE false;
SELECT * FROM texts(visclf.contact_sheet('nothing'), '//s:text/text()');

-- a model whose errors are told, with class names that want to be more than text
BEGIN;
SELECT visclf.import_model('told', visclf.export_model('small'), classes => ARRAY['<script>alert(1)</script>', 'نص & "b"']) AS told \gset
CREATE TABLE counted (id int, year int, place text, label text, confidence real, probabilities real[], model_id int, error text);
INSERT INTO visclf.validation (model_id, row_number, key, label, predicted, probabilities, loss)
SELECT :told, n, n, m.classes[label], m.classes[CASE WHEN p > 0.5 THEN 1 ELSE 2 END], ARRAY[p, 1 - p], n
FROM visclf.model m, (SELECT n, CASE WHEN n <= 100 THEN 1 ELSE 2 END AS label,
		CASE WHEN n <= 80 OR n > 190 THEN 0.8 ELSE 0.1 END AS p FROM generate_series(1, 200) n) x WHERE m.model_id = :told;
INSERT INTO counted
SELECT n, 1900 + n % 10, CASE n % 3 WHEN 0 THEN '<b>"Łódź"</b>' WHEN 1 THEN E'القاهرة \u202E' END, m.classes[CASE WHEN n % 5 < 2 THEN 1 ELSE 2 END], 0.5 + n / 10000.0, '{0.6,0.4}', :told, NULL
FROM visclf.model m, generate_series(1, 3000) n WHERE m.model_id = :told;
INSERT INTO counted VALUES (3001, NULL, 'nowhere', NULL, NULL, NULL, :told, 'bad scan <1>'), (3002, 1903, NULL, NULL, NULL, NULL, :told, 'bad scan');
SELECT visclf.report('told', 'counted', 'year', 'place', 'adverts', title => '</title><script>&') AS page \gset
SELECT :'page' ~* '<script' AS script, :'page' ~ '[^\x01-\x7f]' AS not_ascii, :'page' ~ '(src|href|url)[=(]"?https?:' AS loads;
SELECT t FROM unnest(ARRAY['&lt;/title&gt;&lt;script&gt;&amp;', '<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>', '<bdi>&lt;b&gt;&quot;&#x141;&#xF3;d&#x17A;&quot;&lt;/b&gt;</bdi>',
	'no place given', 'Images without a year, counted elsewhere on this page but not here: 1', '2 images could not be classified', '3,002 images of 1900 to 1909, 3 places']) t
WHERE strpos(:'page', t) = 0;
-- its numbers are those of prevalence
SELECT count(*) AS numbers, count(*) FILTER (WHERE strpos(:'page', t) = 0) AS missing
FROM (SELECT format('%s&#160;%% (%s to %s)</td><td>%s&#160;%%', round(100 * share::numeric, 1), round(100 * low::numeric, 1), round(100 * high::numeric, 1), round(100 * raw_share::numeric, 1)) AS t
	FROM visclf.prevalence('told', 'counted', '{year}') WHERE class ~ 'script' AND groups ->> 'year' IS NOT NULL
	UNION ALL SELECT format('%s&#160;%% (%s to %s)</td><td>%s&#160;%%', round(100 * share::numeric, 1), round(100 * low::numeric, 1), round(100 * high::numeric, 1), round(100 * raw_share::numeric, 1))
	FROM visclf.prevalence('told', 'counted', '{place}') WHERE class ~ 'script' AND images > 0) x;
SELECT regexp_count(:'page', '<figure class="tile">') AS pictures, regexp_count(:'page', 'data:image/jpeg') AS images;
-- it is XML too: nothing has broken out of its place
SELECT xmlparse(DOCUMENT replace(:'page', '<!DOCTYPE html>', '')) IS NOT NULL AS well_formed;
-- every chart says what it shows
SELECT count(*) AS charts, count(*) FILTER (WHERE m[1] ~ 'role="img" aria-label="[^"]+\. [^"]+"') AS told FROM regexp_matches(:'page', '<div class="chart[^>]*><svg ([^>]*)>', 'g') m;
-- names of any length, of no letters, that a collation takes for one; years that are none
CREATE COLLATION alike (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE odd (published timestamp, place text COLLATE alike, label text COLLATE alike, error text);
INSERT INTO odd SELECT CASE n % 4 WHEN 0 THEN timestamp 'infinity' WHEN 1 THEN timestamp '-infinity' WHEN 2 THEN timestamp '0044-03-15 BC' ELSE timestamp '1900-01-01' END,
	CASE n % 5 WHEN 0 THEN '' WHEN 1 THEN repeat('x', 100000) WHEN 2 THEN 'york' WHEN 3 THEN 'York' ELSE repeat('船', 500) END, m.classes[1]
FROM visclf.model m, generate_series(1, 100) n WHERE m.model_id = :told;
SELECT visclf.report('told', 'odd', 'published', 'place') AS page \gset
SELECT length(:'page') < 100000 AS shortened, strpos(:'page', '>' || repeat('x', 120) || '&#x2026;<') > 0 AS long, strpos(:'page', '>' || repeat('&#x8239;', 60) || '&#x2026;<') > 0 AS wide, :'page' ~ '<i>empty</i>' AS empty,
	(SELECT count(*) FROM regexp_matches(:'page', '<th scope="row" class="place"><bdi>[Yy]ork</bdi></th>', 'g')) AS yorks, :'page' ~ '100 images of -44 to 1900, 5 places' AS years,
	:'page' ~ 'Images without a year, counted elsewhere on this page but not here: 50' AS no_years;
CREATE VIEW far AS SELECT CASE WHEN place = 'york' THEN 1e400 ELSE 1900.5 END AS year, label FROM odd;
SELECT visclf.report('told', 'far', 'year', method => 'cc') ~ 'Images without a year, counted elsewhere on this page but not here: 40' AS no_years;
SELECT xmlparse(DOCUMENT replace(:'page', '<!DOCTYPE html>', '')) IS NOT NULL AS well_formed;
CREATE TABLE same_key AS SELECT 7 AS id, image, label FROM adverts WHERE id <= 5;
SELECT count(*) AS tiles FROM texts(visclf.contact_sheet('same_key', n => 3), '//s:image/@href');
-- both classes, another method, dates, places too many to show, no pictures
CREATE VIEW dated AS SELECT make_date(year, 7, 1) AS published, 'place ' || id % 60 AS place, label AS said, probabilities AS p FROM counted WHERE error IS NULL;
SELECT visclf.report('told', 'dated', 'published', 'place', label_column => 'said', probabilities_column => 'p', method => 'pcc',
	classes => (SELECT classes FROM visclf.model WHERE model_id = :told)) AS page \gset
SELECT regexp_count(:'page', 'chart wide') AS charts, regexp_count(:'page', '<bdi>21 other places</bdi>') AS folded, :'page' ~ 'data:image/jpeg' AS pictures, :'page' ~ '60 places' AS places,
	:'page' ~ 'estimated share' AS estimated, :'page' ~ '60\.0&#160;%' AS pcc;
-- nothing counted, no intervals
CREATE VIEW uncounted AS SELECT * FROM counted WHERE false;
SELECT visclf.report('told', 'uncounted', 'year', 'place') ~ 'No image is classified';
SELECT visclf.report('told', 'counted', 'year', resamples => 0, pictures => 0) !~ '%[^<>]* to |Intervals|By place|Images to look at' AS no_intervals;
-- what is wrong
\set VERBOSITY terse
SAVEPOINT s;
SELECT visclf.report('told', 'counted', 'nowhen'); ROLLBACK TO s;
SELECT visclf.report('told', 'counted', 'place'); ROLLBACK TO s;
SELECT visclf.report('told', 'counted', 'id'); ROLLBACK TO s;
SELECT visclf.report('told', 'counted', 'year', 'nowhere'); ROLLBACK TO s;
SELECT visclf.report('told', 'counted', 'year', source => 'adverts', image_column => 'scan'); ROLLBACK TO s;
SELECT visclf.report('told', 'counted', 'year', classes => '{ships}'); ROLLBACK TO s;
SELECT visclf.report('told', 'counted', 'year', classes => '{}'); ROLLBACK TO s;
SELECT visclf.report('told', 'counted', 'year', method => 'count'); ROLLBACK TO s;
SELECT visclf.report('told', 'counted', 'year', confidence => 95); ROLLBACK TO s;
SELECT visclf.report('told', 'counted', 'year', pictures => -1); ROLLBACK TO s;
SELECT visclf.report('told', 'counted', NULL); ROLLBACK TO s;
SELECT visclf.report('told', 'counted', 'year', error_column => 'eror'); ROLLBACK TO s;
SELECT visclf.report('told', 'counted', 'year', confidence_column => 'p'); ROLLBACK TO s;
SELECT visclf.report('told', 'counted', 'year', image_column => 'scan'); ROLLBACK TO s;
SELECT visclf.report('nobody', 'counted', 'year'); ROLLBACK TO s;
SELECT visclf.report('many', 'counted', 'year'); ROLLBACK TO s;
\set VERBOSITY sqlstate
SELECT visclf.report('told', 'counted', 'year', label_column => 'place'); ROLLBACK TO s;
UPDATE counted SET model_id = 0 WHERE id = 7;
SELECT visclf.report('told', 'counted', 'year'); ROLLBACK TO s;
\set VERBOSITY terse
DELETE FROM visclf.validation WHERE model_id = :told;
SELECT visclf.report('told', 'counted', 'year'); ROLLBACK TO s;
DELETE FROM visclf.validation WHERE model_id = :told;
SELECT visclf.report('told', 'counted', 'year', method => 'cc') ~ 'its errors are not known' AS unknown;
ROLLBACK;
SELECT visclf.contact_sheet('shown', 'top_losses');
SELECT visclf.contact_sheet('shown', 'best');
SELECT visclf.contact_sheet('shown', key_column => 'number');
SELECT visclf.contact_sheet('shown', image_column => 'label');
SELECT visclf.contact_sheet('adverts', 'least_confident');
SELECT visclf.contact_sheet('shown', n => 1001);
SELECT visclf.contact_sheet('shown', size => NULL);
SELECT visclf.contact_sheet('shown', 'top_losses', 'named');
SELECT visclf.contact_sheet('shown', model => 'told');
SELECT visclf.contact_sheet('shown', predictions => 'shown');
\set VERBOSITY default

-- read as the caller
CREATE ROLE regress_visclf_looker;
SET ROLE regress_visclf_looker;
SELECT visclf.contact_sheet('shown');
SELECT visclf.report('small', 'shown', 'confidence');
RESET ROLE;
DROP ROLE regress_visclf_looker;
DROP FUNCTION texts;
DROP VIEW nothing;
DROP TABLE shown;
