-- Formats beside JPEG: what is read of them, whole and cut off.
SELECT * FROM visclf.image_formats();
CREATE TABLE formats (name text PRIMARY KEY, image bytea);
INSERT INTO formats VALUES
	('png', '\x89504e470d0a1a0a0000000d4948445200000008000000060103000000c4cb4db800000006504c5445c81e1e1e1ec8608cd77e0000001a655849664d4d002a00000008000101120003000000010006000000000000d6674b690000000d49444154789c63e0676280410000ed001a8f8711df0000000049454e44ae426082'),
	('tiff', '\x49492a001a0000002ea9020ac10a84132ac5204152150010010009000001030001000000080000000101030001000000060000000201030001000000010000000301030001000000040000000601030001000000010000001101040001000000080000001601030001000000060000001701040001000000110000001c010300010000000100000000000000'),
	('webp', '\x5249464626000000574542505650384c1a0000002f074001000f301ef750bd15f2fc470b008248f0df6b22a2ff21'),
	('jpeg2000', '\xff4fff51002f000000000008000000060000000000000000000000080000000600000000000000000003070101070101070101ff52000c00000001000004040001ff5c00044040ff640025000143726561746564206279204f70656e4a5045472076657273696f6e20322e352e34ff90000a0000000000610001ff93cfb47414004f094091e0c0aea7c67300002fc4e5d57a26a88880c0825d5b5488cfb440115054aef6b8400000006120a09bc241cfb47411504708974020c0aea7e88300002fc275bf2684902303ca834971497fffd9');

SELECT name, i.format = name AS same, i.width, i.height, i.components, i.color_space, i.orientation, i.progressive, i.complete, i.error
FROM formats, visclf.image_info(image) i ORDER BY name;
-- A thumbnail is a JPEG of what is decoded
SELECT name, i.format, i.width, i.height, i.error FROM formats, visclf.image_info(visclf.thumbnail(image, 8)) i ORDER BY name;
-- Cut off a byte before the end, and in the header
SELECT name, i.complete, i.error FROM formats, visclf.image_info(substring(image FOR length(image) - 1)) i ORDER BY name;
SELECT name, i.complete, i.error FROM formats, visclf.image_info(substring(image FOR 20)) i ORDER BY name;
-- A model says the same of an image in any format that keeps its pixels
SELECT name, (p).label IS NOT NULL AS label, (p).error, (p).warning
FROM (SELECT name, visclf.classify('small', image) AS p FROM formats) x ORDER BY name;
SELECT name, (p).label IS NOT NULL AS label, (p).error, (p).warning
FROM (SELECT name, visclf.classify('small', substring(image FOR length(image) - 1)) AS p FROM formats) x ORDER BY name;
SELECT (visclf.classify('small', (SELECT image FROM formats WHERE name = 'webp'))).probabilities
	= (visclf.classify('small', (SELECT image FROM formats WHERE name = 'jpeg2000'))).probabilities AS equal;
-- A TIFF compressed by a library that is not called: the tag's value changed
SELECT visclf.image_info(overlay(image PLACING '\x030103000100000065870000' FROM position('\x030103000100000004000000' IN image))) AS jbig
FROM formats WHERE name = 'tiff';
DROP TABLE formats;
