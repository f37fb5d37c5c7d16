-- Labels as people say them: CSV and Label Studio's JSON in, agreement out.
SELECT * FROM visclf.csv_records(E'\ufeffa,b\r\n"1\n2","x ""y"""\n\n,""\n');
SELECT * FROM visclf.csv_records('a;b
1,5;2');
SELECT visclf.csv_records('a,"b');
SELECT * FROM visclf.parse_labels('source,key,label,labeller,time
"public.adverts","1","a","Ann","2026-01-02T03:04:05Z"
"public.adverts","2",,"Ann","2026-01-02T03:04:05Z"') ORDER BY key;
SELECT key, labels, labeller, labelled_at IS NOT NULL AS time FROM visclf.parse_labels('key,labels
1,"{""a, b"",c}"
2,"{}"
3,');
SELECT visclf.parse_labels('key,lable
1,a');
SELECT visclf.parse_labels('key,label
1,a,b');
SELECT visclf.parse_labels('key,labels
1,"{a"');
-- Label Studio: as it exports JSON and JSON_MIN
SELECT source, key, labels, labeller, labelled_at AT TIME ZONE 'UTC' AS time FROM visclf.parse_labels('[{"id": 1, "data": {"source": "public.adverts", "key": "5", "image": "data:,"},
	"annotations": [{"completed_by": {"email": "ann@example.org"}, "created_at": "2026-01-02T03:04:05Z", "result": [{"type": "choices", "value": {"choices": ["a", "b"]}}]},
		{"completed_by": 7, "created_at": "2026-01-02T03:04:05Z", "result": []}, {"completed_by": 8, "was_cancelled": true, "result": []}]},
	{"source": "public.adverts", "key": "6", "label": "a", "annotator": 7, "created_at": "2026-01-02T03:04:05Z"},
	{"source": "public.adverts", "key": "7", "label": {"choices": ["a", "b"]}, "annotator": 7, "created_at": "2026-01-02T03:04:05Z"}]') ORDER BY key, labeller;
-- What goes out can be read: tasks and the interface
SELECT config, json_array_length(tasks) AS tasks, tasks #>> '{0,data,source}' AS source, tasks #>> '{0,data,key}' AS key,
	left(tasks #>> '{0,data,image}', 22) AS image, tasks #> '{0,predictions}' IS NULL AS no_guess
FROM visclf.label_studio('adverts', keys => '{3}', classes => '{a,"<b>"}', size => 100);
SELECT jsonb_array_length(tasks::jsonb) AS tasks FROM visclf.label_studio('adverts', label_column => NULL, classes => '{a}', n => 7);
-- Read in: new ones, older ones, newer ones
SELECT visclf.read_labels('source,key,label,labeller,time
adverts,1,yes,A,2026-01-01T00:00:00Z
adverts,2,yes,A,2026-01-01T00:00:00Z
adverts,2,no,A,2026-01-01T00:01:00Z');
SELECT visclf.read_labels('source,key,label,labeller,time
adverts,1,older,A,2025-01-01T00:00:00Z
adverts,2,newer,A,2027-01-01T00:00:00Z');
SELECT source, key, labels, label, labeller FROM visclf.label ORDER BY key;
SELECT visclf.drop_labels('adverts', 'nobody'), visclf.drop_labels('adverts');
-- Kappa: Cohen's own kind of table: 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: 0.7 agreed, 0.5 by chance, 0.4
SELECT visclf.read_labels('source,key,label,labeller' || string_agg(E'\n' || concat_ws(',', 'kappa', g, label, labeller), ''))
FROM (SELECT g, CASE WHEN g <= 25 THEN 'yes' ELSE 'no' END AS label, 'A' AS labeller FROM generate_series(1, 50) g
	UNION ALL SELECT g, CASE WHEN g <= 20 OR g BETWEEN 26 AND 35 THEN 'yes' ELSE 'no' END, 'B' FROM generate_series(1, 50) g
	UNION ALL SELECT g, 'yes', 'C' FROM generate_series(1, 10) g UNION ALL SELECT g, '', 'C' FROM generate_series(11, 20) g) x;
SELECT labeller, other, images, agreed, by_chance, round(kappa::numeric, 6) AS kappa, round(kappa_low::numeric, 4) AS low, round(kappa_high::numeric, 4) AS high
FROM visclf.agreement('kappa');
-- Labels are those of the role that read them
CREATE ROLE regress_labeller;
SET ROLE regress_labeller;
SELECT count(*) FROM visclf.label;
SELECT visclf.drop_labels('kappa');
SELECT visclf.read_labels('key,label
1,mine');
SELECT source, key, label, labeller FROM visclf.label;
INSERT INTO visclf.label (source, key, labeller, labelled_at) VALUES ('a', 'b', 'c', now());
SELECT count(*) FROM visclf.label_rows;
RESET ROLE;
SELECT count(*) FROM visclf.label;
SELECT visclf.drop_labels('kappa');
SET ROLE regress_labeller;
SELECT visclf.drop_labels('');
RESET ROLE;
DROP ROLE regress_labeller;
-- What a page needs
SELECT visclf.label_page('adverts', classes => '{}');
SELECT visclf.label_page('adverts', classes => '{a}', n => 0);
SELECT visclf.label_page('adverts', key_column => 'newspaper', keys => '{}', classes => '{a}');
SELECT visclf.label_page('adverts', key_column => 'nokey');
SELECT visclf.label_page('adverts', label_column => 'nolabel', classes => '{a}');
SELECT visclf.label_page('adverts', model => 'nomodel');
SELECT regexp_count(visclf.label_page('adverts', n => 5, size => 100), '"key":') AS pictures,
	visclf.label_page('adverts', n => 5, size => 100) = visclf.label_page('adverts', n => 5, size => 100) AS same,
	visclf.label_page('adverts', n => 5, size => 100, seed => 1) = visclf.label_page('adverts', n => 5, size => 100) AS other;
SELECT (regexp_match(visclf.label_page('adverts', n => 1, size => 100), '"classes":(\[[^]]*\])'))[1] AS classes;
