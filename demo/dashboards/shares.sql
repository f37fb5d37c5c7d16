-- What dashboards read: shares by year and place, in long format, and a role
-- that may read them and nothing else.  Expects the view advert_predictions, as
-- doc/guide.md makes it.

-- One row a level, year, place and class.  Intervals of years do not add up to
-- that of all years, so each level has rows of its own; year is the first of a
-- decade where that is the level.
CREATE MATERIALIZED VIEW advert_shares AS
SELECT l.level, coalesce(p.groups ->> 'year', p.groups ->> 'decade')::int AS year, p.groups ->> 'place' AS place, p.class,
	p.images, p.failed, p.raw_share, p.share, p.low, p.high, p.estimate, p.warning
FROM (VALUES ('all', '{}'::text[]), ('year', '{year}'), ('place', '{place}'),
		('decade and place', '{decade,place}'), ('year and place', '{year,place}')) l(level, by),
	LATERAL visclf.prevalence('adverts', 'advert_predictions', l.by) p;

-- REFRESH MATERIALIZED VIEW CONCURRENTLY advert_shares, after classify_table.
CREATE UNIQUE INDEX ON advert_shares (level, year, place, class) NULLS NOT DISTINCT;
COMMENT ON MATERIALIZED VIEW advert_shares IS 'shares of classes by year, by place, by both and in all: counted (raw_share) and corrected';

CREATE ROLE dashboard_reader LOGIN;		-- \password dashboard_reader
GRANT SELECT ON advert_shares TO dashboard_reader;
