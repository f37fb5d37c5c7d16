/*
 * suggest.c
 *		Suggests the name that the user may have meant.
 */
#include "extension/support/suggest.h"

#include "access/htup_details.h"
#include "utils/lsyscache.h"
#include "utils/varlena.h"

#define MOST_CHANGES 3			/* letters that two names may differ by */
#define LONGEST_NAME 255		/* bytes; varstr_levenshtein compares no longer ones */

/* Returns the most similar name, or NULL if none is similar. */
static const char *
nearest_name(const char *wanted, char **names, int count)
{
	const char *nearest = NULL;
	int			length = strlen(wanted);
	int			least = Min(MOST_CHANGES, length / 2) + 1;

	for (int i = 0; i < count && length <= LONGEST_NAME; i++)
	{
		int			changes;

		if (strlen(names[i]) > LONGEST_NAME || strcmp(wanted, names[i]) == 0)
			continue;
		changes = pg_strcasecmp(wanted, names[i]) == 0 ? 0 :
			varstr_levenshtein_less_equal(wanted, length, names[i], strlen(names[i]),
										  1, 1, 1, least - 1, true);
		if (changes < least)
		{
			least = changes;
			nearest = names[i];
		}
	}
	return nearest;
}

char *
suggest(const char *wanted, char **names, int count, const char *text)
{
	const char *nearest = nearest_name(wanted, names, count);

	return nearest ? psprintf("Perhaps you meant \"%s\". %s", nearest, text) : pstrdup(text);
}

char *
suggest_column(Oid relation, const char *wanted, const char *text)
{
	char	  **names = palloc(sizeof(char *) * MaxTupleAttributeNumber);
	int			count = 0;
	char	   *name;

	for (AttrNumber i = 1; (name = get_attname(relation, i, true)) != NULL; i++)
		if (get_attnum(relation, name) == i)	/* not dropped */
			names[count++] = name;
	return suggest(wanted, names, count, text);
}
