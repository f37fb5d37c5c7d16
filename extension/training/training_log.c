/*
 * training_log.c
 *		Reports a training to the user: epochs as rows and as notices.
 *
 * The notices are fastai's table: epoch, train_loss, valid_loss, accuracy,
 * time, with a line for each epoch and a header for each phase.
 */
#include "extension/support/pgcompat.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/timestamp.h"

#include "extension/support/clock.h"
#include "extension/support/settings.h"
#include "extension/support/sql.h"
#include "extension/training/training.h"
#include "extension/models/model_version.h"

#define MOST_NAMED 20			/* classes */

void
log_header(const Training *t)
{
	const vc_phase *phase = &t->recipe.phase[t->phase];
	const Dataset *d = t->data;
	char	   *repeats = d->train_count == d->train_images ? "" :
		psprintf(" (%lld with repeats)", (long long) d->train_count);

	char	   *fold = training_fold(t) ? psprintf("fold %d of %d, ", training_fold(t), d->folds) : "";
	char	   *valid = d->folds > 0 && training_is_final(t) ? "" :
		psprintf(", validating with %lld", (long long) d->valid_count);

	ereport(NOTICE,
			(errmsg("training \"%s\" version %d, %s%s, on %lld images%s%s (%s)",
					t->model->name, t->model->version, fold, phase->name,
					(long long) d->train_images, repeats, valid, t->device.api->kind)));
	if (valid[0] == '\0')
		ereport(NOTICE, (errmsg("epoch  train_loss  time")));
	else
		ereport(NOTICE, (errmsg("epoch  train_loss  valid_loss  accuracy  %stime",
								d->multi_label ? "f1_score  " : "")));
}

void
log_classes(const Training *t)
{
	const Dataset *d = t->data;
	int64	   *counts = palloc(sizeof(int64) * d->class_count);
	StringInfoData text;

	initStringInfo(&text);
	dataset_count(d, d->order, d->count, counts);
	for (int k = 0; k < Min(d->class_count, MOST_NAMED); k++)
		appendStringInfo(&text, "%s%s %lld", k > 0 ? ", " : "", d->classes[k].label, (long long) counts[k]);
	if (d->class_count > MOST_NAMED)
		appendStringInfo(&text, ", and %d more", d->class_count - MOST_NAMED);
	ereport(NOTICE, (errmsg("%d classes: %s", d->class_count, text.data)));
}

void
log_folds(const Training *t)
{
	int			folds = t->data->folds;

	if (folds > 0 && t->options->method == METHOD_FINE_TUNE)
		ereport(NOTICE,
				(errmsg("%d folds: as many trainings on %.0f %% of the images each go before that of the model, which then takes about %d times as long",
						folds, 100 - 100.0 / folds, folds)));
}

/* A number that may be missing. */
static void
write_number(Sql *sql, bool is, double value)
{
	sql_float8(sql, value);
	if (!is)
		sql->nulls[sql->count - 1] = 'n';
}

/*
 * Writes the epoch's row, with F1 if images have any number of labels. Throws
 * if the version was dropped or given to another role.
 */
static void
write_epoch(const Training *t, double train_loss, const Validation *v, double seconds)
{
	Interval	duration = {(TimeOffset) (seconds * USECS_PER_SEC), 0, 0};
	Sql			sql;

	sql_begin(&sql, "INSERT INTO visclf.epoch (model_id, phase, epoch, train_loss, valid_loss, "
			  "accuracy, images, duration, f1_score, fold) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $11 "
			  "FROM visclf.model m WHERE m.model_id OPERATOR(pg_catalog.=) $1 AND m.owner_role OPERATOR(pg_catalog.=) $10 "
			  "ON CONFLICT (model_id, fold, phase, epoch) DO UPDATE SET train_loss = excluded.train_loss, "
			  "valid_loss = excluded.valid_loss, accuracy = excluded.accuracy, "
			  "f1_score = excluded.f1_score, "
			  "duration = excluded.duration, finished_at = excluded.finished_at");
	sql_int(&sql, t->model->model_id);
	sql_text(&sql, t->recipe.phase[t->phase].name);
	sql_int(&sql, t->epoch);
	sql_float8(&sql, train_loss);
	write_number(&sql, v != NULL, v ? v->loss : 0);
	write_number(&sql, v != NULL, v ? v->accuracy : 0);
	sql_int(&sql, (int32) (t->data->train_count / t->batch_size * t->batch_size));
	sql_datum(&sql, INTERVALOID, IntervalPGetDatum(&duration));
	write_number(&sql, v != NULL && t->data->multi_label, v ? v->f1 : 0);
	sql_oid(&sql, t->model->owner);
	sql_int(&sql, training_fold(t));
	version_write(&sql, t->model->name, 1);
}

void
log_epoch(const Training *t, double train_loss, const Validation *v, double seconds)
{
	char	   *f1 = t->data->multi_label && v ? psprintf("%8.6f  ", v->f1) : "";

	write_epoch(t, train_loss, v, seconds);
	if (v == NULL)
		ereport(NOTICE, (errmsg("%-5d  %10.6f  %s", t->epoch, train_loss, clock_time(seconds))));
	else
		ereport(NOTICE,
				(errmsg("%-5d  %10.6f  %10.6f  %8.6f  %s%s", t->epoch, train_loss, v->loss,
						v->accuracy, f1, clock_time(seconds))));
}

/*
 * Reports progress, at most every visclf.progress_interval. The first `done`
 * of `of` images of this epoch took `seconds`; `left` images remain in the
 * whole training.
 */
void
log_progress(Training *t, int64 done, int64 of, int64 left, double seconds)
{
	double		rate = done / seconds;

	if (setting_progress_interval == 0 || done == of ||
		seconds_since(t->last_progress) < setting_progress_interval)
		return;
	INSTR_TIME_SET_CURRENT(t->last_progress);
	ereport(NOTICE,
			(errmsg("%s epoch %d: %lld of %lld images, %.1f images/s, about %s left",
					t->recipe.phase[t->phase].name, t->epoch, (long long) done, (long long) of,
					rate, clock_time(left / rate))));
}
