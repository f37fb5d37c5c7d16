/*
 * count_real.c
 *		How often intervals hold the truth on real images, whose labels are all known:
 *		some are drawn to be labelled, a probe is trained on them in five folds and then
 *		on all of them, and the share of a class is estimated of all images.
 *
 *   count_real FILE DRAWS LABELS...   prints a row of a table for each number of labels
 *
 * FILE has a line an image: the number of its class, then its features, as
 * visclf.embed says them.  Built by make build/count_real.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/counting/ppi.h"
#include "engine/image/header.h"
#include "engine/network/recipe.h"

#define FOLDS 5
#define CLASSES 2
#define MOST_WIDTH 4096

static float *features;
static int32_t *truth;
static int	count;
static int	width;

/* A head, fitted to some images. */
static float weight[CLASSES * MOST_WIDTH];
static float bias[CLASSES];

static void
stop(const char *message)
{
	fprintf(stderr, "%s\n", message);
	exit(1);
}

static void
read_images(const char *path)
{
	FILE	   *file = fopen(path, "r");
	char	   *line = NULL;
	size_t		room = 0;

	if (file == NULL)
		stop("cannot read the features");
	while (getline(&line, &room, file) > 0)
	{
		char	   *at = line;
		int			label = (int) strtol(at, &at, 10);
		int			columns = 0;

		features = realloc(features, sizeof(float) * (size_t) (count + 1) * (width ? width : MOST_WIDTH));
		truth = realloc(truth, sizeof(int32_t) * (size_t) (count + 1));
		truth[count] = label;
		for (char *end; columns < MOST_WIDTH; columns++, at = end)
		{
			float		value = strtof(at, &end);

			if (end == at)
				break;
			features[(size_t) count * (width ? width : MOST_WIDTH) + columns] = value;
		}
		if (width == 0)
			width = columns;
		if (columns != width)
			stop("lines are of different lengths");
		count++;
	}
	fclose(file);
	free(line);
}

static void
fit(const uint32_t *rows, int images)
{
	int32_t    *labels = malloc(sizeof(int32_t) * images);
	vc_targets	targets = {.labels = labels};
	vc_probe_options options = {0.01, 500, NULL, NULL, rows};
	double		loss;
	vc_error	error;

	for (int i = 0; i < images; i++)
		labels[i] = truth[rows[i]];
	if (vc_probe_fit(features, &targets, images, width, CLASSES, &options, weight, bias, &loss, &error) != VC_OK)
		stop(error.message);
	free(labels);
}

static int
say(uint32_t image)
{
	double		score[CLASSES];

	for (int k = 0; k < CLASSES; k++)
	{
		score[k] = bias[k];
		for (int j = 0; j < width; j++)
			score[k] += weight[k * width + j] * features[(size_t) image * width + j];
	}
	return score[1] > score[0];
}

/* What is said of labelled images, each by a head that has not seen it: dealt by class into folds. */
static void
say_out_of_fold(const uint32_t *labelled, int labels, int *predicted)
{
	uint32_t   *rows = malloc(sizeof(uint32_t) * labels);
	int		   *fold = malloc(sizeof(int) * labels);
	int			dealt = 0;

	for (int k = 0; k < CLASSES; k++)
		for (int i = 0; i < labels; i++)
			if (truth[labelled[i]] == k)
				fold[i] = dealt++ % FOLDS;
	for (int f = 0; f < FOLDS; f++)
	{
		int			images = 0;

		for (int i = 0; i < labels; i++)
			if (fold[i] != f)
				rows[images++] = labelled[i];
		fit(rows, images);
		for (int i = 0; i < labels; i++)
			if (fold[i] == f)
				predicted[i] = say(labelled[i]);
	}
	free(rows);
	free(fold);
}

static vc_ppi_share
estimate(const uint32_t *order, int labels, const int *predicted, int blind)
{
	static vc_ppi_row rows[100000];
	int64_t		known[CLASSES] = {0};
	int64_t		other[CLASSES] = {0};
	vc_ppi_data data = {1, CLASSES, known, other, rows, labels};
	vc_ppi_share share;
	vc_ppi	   *ppi;
	vc_error	error;

	for (int i = 0; i < count; i++)
	{
		int			s = blind ? 0 : predicted[i];

		if (i < labels)
		{
			known[truth[order[i]]]++;
			rows[i] = (vc_ppi_row) {1, 0, 1, 0, truth[order[i]], s};
		}
		else
			other[s]++;
	}
	if (vc_ppi_create(&(vc_ppi_options) {.confidence = 0.95}, &data, &ppi, &error) != VC_OK)
		stop(error.message);
	share = vc_ppi_get(ppi, 0, 1);
	vc_ppi_free(ppi);
	return share;
}

static void
run(int labels, int draws)
{
	uint32_t   *order = malloc(sizeof(uint32_t) * count);
	int		   *predicted = malloc(sizeof(int) * count);
	double		share = 0;
	double		covered = 0;
	double		width_both = 0;
	double		width_alone = 0;
	double		right = 0;
	double		off = 0;

	for (int i = 0; i < count; i++)
		share += (double) truth[i] / count;
	for (int d = 0; d < draws; d++)
	{
		vc_ppi_share both;
		vc_ppi_share alone;

		for (int i = 0; i < count; i++)
			order[i] = (uint32_t) i;
		vc_shuffle(order, count, 7, (uint64_t) labels * 100000 + d);
		say_out_of_fold(order, labels, predicted);
		fit(order, labels);
		for (int i = labels; i < count; i++)
		{
			predicted[i] = say(order[i]);
			right += predicted[i] == truth[order[i]];
		}
		both = estimate(order, labels, predicted, 0);
		alone = estimate(order, labels, predicted, 1);
		covered += both.low <= share && share <= both.high;
		width_both += both.high - both.low;
		width_alone += alone.high - alone.low;
		off += both.share - share;
	}
	printf("| %d | %d | %.1f %% | %.1f %% | %.3f | %.3f | %+.4f |\n", count, labels, 100 * right / draws / (count - labels),
		   100 * covered / draws, width_both / draws, width_alone / draws, off / draws);
	fflush(stdout);
	free(order);
	free(predicted);
}

int
main(int argc, char **argv)
{
	if (argc < 4)
		stop("usage: count_real FILE DRAWS LABELS...");
	read_images(argv[1]);
	printf("| images | labelled | right of the others | holds the truth | width | labels alone | mean error |\n| --: | --: | --: | --: | --: | --: | --: |\n");
	for (int i = 3; i < argc; i++)
		run(atoi(argv[i]), atoi(argv[2]));
	return 0;
}
