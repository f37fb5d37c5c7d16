-- What the header of an image says, and what is no image.
SELECT i.format, i.width BETWEEN 180 AND 520 AS wide, i.height BETWEEN 180 AND 520 AS high,
	i.components, i.color_space, i.orientation, i.progressive, i.error
FROM adverts, visclf.image_info(image) i WHERE id = 1;
SELECT i.error FROM visclf.image_info('') i;
SELECT i.error FROM visclf.image_info('\x89504e470d0a1a0a0000000d49484452') i;
SELECT i.error FROM visclf.image_info('GIF89a') i;
SELECT i.error FROM visclf.image_info('\x00000000') i;
SELECT i.error IS NOT NULL AS has_error FROM visclf.image_info('\xffd8ffe0') i;
SELECT visclf.image_info(NULL) IS NULL AS null_for_null;
