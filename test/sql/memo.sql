-- The memo of the last images: one forward pass an image, and never another's answer.
SET jit = off;
CREATE TEMP TABLE few AS SELECT id, image FROM adverts WHERE id <= 3;
SELECT count(visclf.classify('small', image)) FROM adverts WHERE id BETWEEN 101 AND 120;

-- (classify(...)).* and conditions on it: a pass for each image
SET client_min_messages = debug1;
SELECT count(*), count(x) AS rows FROM (SELECT (visclf.classify('small', image)).* FROM few OFFSET 0) x;
SELECT count(*) FROM few WHERE (visclf.classify('small', image)).confidence > 0
	AND (visclf.classify('small', image)).error IS NULL;
RESET client_min_messages;
SELECT count(*), bool_and(e.label = (s.p).label AND e.error IS NULL
	AND abs(e.probabilities[1] - (s.p).probabilities[1]) < 1e-3) AS near
FROM (SELECT id, (visclf.classify('small', image)).* FROM few) e JOIN scalar s USING (id);

-- more images than it holds, in a circle
SELECT count(*), count(*) FILTER (WHERE near(s.p, b.p)) AS near
FROM (SELECT a.id, visclf.classify('small', image) AS p FROM generate_series(1, 3), adverts a
	  WHERE a.id <= 10 OFFSET 0) b JOIN scalar s USING (id);

-- another version, another precision, another limit: another answer
CREATE FUNCTION said() RETURNS visclf.prediction LANGUAGE sql
RETURN (SELECT visclf.classify('small', image) FROM few WHERE id = 1);
CREATE TEMP TABLE versions AS SELECT 1 AS version, said() AS p;
CALL visclf.activate('small', 2);
INSERT INTO versions SELECT 2, said();
CALL visclf.activate('small', 1);
INSERT INTO versions SELECT 1, said();
SELECT version, count(*), count(DISTINCT (p).model_id) AS models, count(DISTINCT (p).probabilities) AS answers
FROM versions GROUP BY 1 ORDER BY 1;
SELECT count(DISTINCT (p).probabilities) AS answers FROM versions;
SET visclf.precision = float32;
CREATE TEMP TABLE precisions AS SELECT said() AS p;
SET visclf.precision = int8;
INSERT INTO precisions SELECT said();
RESET visclf.precision;
SELECT count(DISTINCT (p).probabilities) AS answers FROM precisions;
-- a setting that the plan depends on is another answer too, and the first is kept beside it
SET client_min_messages = debug1;
SET visclf.convolution = direct;
SELECT (said()).error;
RESET visclf.convolution;
SELECT (said()).error;
SET visclf.shared_weights = 0;
SELECT (said()).error;
RESET visclf.shared_weights;
RESET client_min_messages;
SET visclf.max_image_pixels = 100;
SELECT (p).label, (p).error IS NOT NULL AS too_large FROM (SELECT said() AS p) x;
RESET visclf.max_image_pixels;
SELECT (p).label IS NOT NULL AS labelled, (p).error FROM (SELECT said() AS p) x;

-- what is no image is remembered as well, each for itself
SELECT x.* FROM (SELECT (visclf.classify('small', b)).error FROM (VALUES ('no image'::bytea), ('\xffd8'), ('no image')) v(b) OFFSET 0) x;
