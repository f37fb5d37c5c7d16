-- What is odd about a table before anything is trained.
SELECT * FROM visclf.check_images('adverts');
CREATE TABLE odd AS
SELECT id::int AS id, truth AS label, CASE WHEN id % 5 = 0 THEN 'valid' ELSE 'train' END AS split, image FROM adverts WHERE id <= 60;
-- broken, missing, cut off, blank
INSERT INTO odd VALUES (101, 'text-only', 'train', 'no image'), (102, 'text-only', 'train', NULL), (103, NULL, 'train', '');
INSERT INTO odd SELECT 104, label, 'train', substring(image FOR length(image) * 4 / 5) FROM odd WHERE id = 2;
INSERT INTO odd VALUES (105, 'text-only', 'train', '\x89504e470d0a1a0a0000000d49484452000000100000001008000000003a98a0bd0000000f49444154789c63f880061846b600008881f001a3a665530000000049454e44ae426082');
-- the same bytes, with the same and another label, on both sides
INSERT INTO odd SELECT 106, label, split, image FROM odd WHERE id = 3;
INSERT INTO odd SELECT 107, 'other', 'valid', image FROM odd WHERE id = 4;
-- nearly the same: smaller and saved again
INSERT INTO odd SELECT 108, label, 'valid', visclf.thumbnail(image, 200) FROM odd WHERE id = 6;
INSERT INTO odd SELECT 109, 'other', 'train', visclf.thumbnail(image, 120) FROM odd WHERE id = 7;
-- labels
UPDATE odd SET label = 'Text-only ' WHERE id = 8;
UPDATE odd SET label = ' ' WHERE id = 9;
SELECT finding, rows, keys, detail FROM visclf.check_images('odd', split_column => 'split', key_column => 'id');
SELECT finding, rows, keys FROM visclf.check_images('odd', label_column => NULL, examples => 1);
ALTER TABLE odd ADD PRIMARY KEY (id);
SELECT finding, keys FROM visclf.check_images('odd', smallest_class => 0) WHERE finding = 'cannot be decoded';
SELECT * FROM visclf.check_images('odd', image_column => 'label');
SELECT * FROM visclf.check_images('odd', label_column => 'lable');
SELECT * FROM visclf.check_images('odd', examples => -1);
SELECT count(*) FROM visclf.check_images((SELECT 'pg_class'::regclass));
CREATE TEMPORARY TABLE nothing (image bytea);
SELECT * FROM visclf.check_images('nothing');
-- A training says the same in short, keeps near-duplicates together and takes the primary key
SET client_min_messages = warning;
CALL visclf.train('odd', 'odd', architecture => 'resnet20', image_size => 64, epochs => 1);
SELECT hyperparameters ->> 'key_column' AS key_column FROM visclf.model WHERE name = 'odd';
SELECT bool_and(v.key IS NOT NULL) AS keys,
	count(*) FILTER (WHERE v.key IN ('6', '108')) IN (0, 2) AS together, count(*) FILTER (WHERE v.key IN ('7', '109')) IN (0, 2) AS too
FROM visclf.validation v JOIN visclf.models USING (model_id) WHERE model = 'odd';
CALL visclf.drop_model('odd');
DROP TABLE odd;
