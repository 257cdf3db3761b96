/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * retention.c - parse a policy, and decide what stays by it.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "snapshot/retention.h"

#define BLANKS " \t\n"
#define SECONDS_PER_HOUR 3600
#define SECONDS_PER_DAY 86400

static const struct {
	char letter;
	const char *name;
} units[RETENTION_UNITS] = {
	[RETENTION_NEWEST] = { '\0', "the newest" },
	[RETENTION_HOUR] = { 'h', "hours" },
	[RETENTION_DAY] = { 'd', "days" },
	[RETENTION_WEEK] = { 'w', "weeks" },
	[RETENTION_MONTH] = { 'm', "months" },
	[RETENTION_YEAR] = { 'y', "years" },
};

/* The unit that length bytes name; RETENTION_UNITS if there is none such. */
static int
find_unit(const char *text, size_t length)
{
	int unit = RETENTION_NEWEST;

	if (length == 0)
		return unit;
	while (++unit < RETENTION_UNITS) {
		if (length == 1 && *text == units[unit].letter)
			break;
	}
	return unit;
}

/* Take in one term, of length bytes. */
static int
parse_term(const char *term, size_t length, struct retention *policy,
    struct err *err)
{
	const size_t digits = strspn(term, "0123456789");
	const int unit = find_unit(term + digits, length - digits);
	uint64_t count = 0;

	if (digits == 0 || unit == RETENTION_UNITS)
		return err_set(err, ERR_USAGE, "a policy has terms such as "
		    "48h, 14d, 8w, 12m, 3y or 10; '%.*s' is none", (int)length,
		    term);
	for (size_t i = 0; i < digits && count <= UINT32_MAX; i++)
		count = 10 * count + (uint64_t)(term[i] - '0');
	if (count == 0 || count > UINT32_MAX)
		return err_set(err, ERR_USAGE, "the number in '%.*s' is not "
		    "from 1 to %lu", (int)length, term,
		    (unsigned long)UINT32_MAX);
	if (policy->keep[unit] != 0)
		return err_set(err, ERR_USAGE, "the policy says twice how many "
		    "to keep of %s", units[unit].name);
	policy->keep[unit] = (uint32_t)count;
	return 0;
}

int
retention_parse(const char *text, struct retention *policy, struct err *err)
{
	struct retention parsed = { { 0 } };
	const char *term = text + strspn(text, BLANKS);
	int rc = 0;

	memset(policy, 0, sizeof(*policy));
	if (*term == '\0')
		return err_set(err, ERR_USAGE, "the policy is empty: it would "
		    "keep nothing");
	while (rc == 0 && *term != '\0') {
		const size_t length = strcspn(term, BLANKS);

		rc = parse_term(term, length, &parsed, err);
		term += length;
		term += strspn(term, BLANKS);
	}
	if (rc == 0)
		*policy = parsed;
	return rc;
}

/* Rounded down, also below zero. */
static int64_t
divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/*
 * Months since January of the year 0, by the rules of the Gregorian calendar.
 * Years that begin in March have the leap day at their end, and then the days
 * before each month follow a formula.
 */
static int64_t
month_of(int64_t day)
{
	const int64_t since = day + 719468;	/* 0000-03-01 */
	const int64_t era = divide(since, 146097);	/* 400 years */
	const int64_t in_era = since - era * 146097;
	const int64_t year = (in_era - in_era / 1460 + in_era / 36524 -
	    in_era / 146096) / 365;
	const int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
	const int64_t march = (5 * in_year + 2) / 153;	/* months since */

	return 12 * (400 * era + year) + march + 2;
}

int64_t
retention_period(enum retention_unit unit, int64_t time)
{
	const int64_t day = divide(time, SECONDS_PER_DAY);

	switch (unit) {
	case RETENTION_HOUR:
		return divide(time, SECONDS_PER_HOUR);
	case RETENTION_WEEK:
		/* 1970-01-01 was a Thursday. */
		return divide(day + 3, 7);
	case RETENTION_MONTH:
		return month_of(day);
	case RETENTION_YEAR:
		return divide(month_of(day), 12);
	default:
		return day;
	}
}

/* An item and its period. */
struct spot {
	int64_t period;
	size_t index;
};

static int
compare_periods(const void *a, const void *b)
{
	const struct spot *x = a, *y = b;

	if (x->period != y->period)
		return x->period < y->period ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static int
compare_newest_first(const void *a, const void *b)
{
	const struct spot *x = a, *y = b;

	return x->index > y->index ? -1 : x->index < y->index;
}

/* What one term keeps.  spots has room for count. */
static void
decide_term(enum retention_unit unit, uint32_t keep,
    struct retention_item *items, size_t count, struct spot *spots)
{
	size_t periods = 0;

	for (size_t i = 0; i < count; i++) {
		spots[i].index = i;
		spots[i].period = unit == RETENTION_NEWEST ? (int64_t)i :
		    retention_period(unit, items[i].time);
	}
	qsort(spots, count, sizeof(*spots), compare_periods);
	/* Of each period only its newest is left. */
	for (size_t i = 0; i < count; i++) {
		if (i + 1 == count || spots[i + 1].period != spots[i].period)
			spots[periods++] = spots[i];
	}
	qsort(spots, periods, sizeof(*spots), compare_newest_first);
	for (size_t i = 0; i < periods && i < keep; i++)
		items[spots[i].index].stays = true;
}

int
retention_decide(const struct retention *policy,
    struct retention_item *items, size_t count, struct err *err)
{
	struct spot *spots = malloc((count + 1) * sizeof(*spots));
	bool any = false;

	for (int unit = 0; unit < RETENTION_UNITS; unit++)
		any |= policy->keep[unit] != 0;
	for (size_t i = 0; i < count; i++)
		items[i].stays = !any || spots == NULL || i + 1 == count;
	if (spots == NULL)
		return err_sys(err, ERR_FAILED, "list of snapshots");
	for (int unit = 0; unit < RETENTION_UNITS; unit++) {
		if (policy->keep[unit] != 0)
			decide_term((enum retention_unit)unit,
			    policy->keep[unit], items, count, spots);
	}
	free(spots);
	return 0;
}
