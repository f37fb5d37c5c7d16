/*
 * catalogue.c
 *		What is known of each advert: newspaper, place, date, and whether it is
 *		illustrated.
 *
 * The truth curve: the chance that an advert of a year in a place is
 * illustrated is
 *
 *		(0.10 + 0.50 * (year - 1850) / 49) * factor of the place
 *
 * with factors from 0.7 to 1.3 that average 1.  Places and dates are drawn
 * evenly, so that over all places the share goes from 10 % in 1850 to 60 % in
 * 1899.  Nothing else of an advert depends on its year or place.
 */
#include "demo/adverts.h"

#include "engine/support/random.h"

#define N_PLACES	6
#define TITLES		2			/* newspapers of a place */
#define FIRST_YEAR	1850
#define LAST_YEAR	1899

typedef struct town
{
	const char *name;
	double		factor;			/* of the illustrated share */
	const char *newspapers[TITLES];
} town;

static const town towns[N_PLACES] =
{
	{"New York, N.Y.", 1.3, {"The Hudson Courier", "Evening Packet"}},
	{"San Francisco, Calif.", 1.2, {"Golden Gate Examiner", "Pacific Argus"}},
	{"Honolulu, Hawaii", 1.0, {"The Islander", "Oahu Gazette"}},
	{"Davenport, Iowa", 0.95, {"Daily Prairie News", "The Rock River Press"}},
	{"Wheeling, W. Va.", 0.85, {"Ohio Valley Register", "The Daily Foundry"}},
	{"Knoxville, Tenn.", 0.7, {"Holston Whig", "The Knoxville Standard"}},
};

/* The chance that an advert is illustrated; place is 0 .. N_PLACES - 1. */
double
illustrated_share(int year, int place)
{
	double		t = (double) (year - FIRST_YEAR) / (LAST_YEAR - FIRST_YEAR);

	return (0.10 + 0.50 * t) * towns[place].factor;
}

static int
days_of_month(int year, int month)
{
	static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

/* Fills a record from the seed and the advert's number. */
void
catalogue_record(uint64_t seed, long id, record *record)
{
	dice		dice = {seed, (uint64_t) id * 4, 0};
	int			place = pick(&dice, N_PLACES);

	record->id = id;
	record->place = towns[place].name;
	record->newspaper = towns[place].newspapers[pick(&dice, TITLES)];
	record->year = FIRST_YEAR + pick(&dice, LAST_YEAR - FIRST_YEAR + 1);
	record->month = 1 + pick(&dice, 12);
	record->day = 1 + pick(&dice, days_of_month(record->year, record->month));
	record->illustrated =
		chance(&dice, (float) illustrated_share(record->year, place));
}
