/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_retention.c - policies are parsed, and keep the newest of each period.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "snapshot/retention.h"

#define ITEMS_MAX 4096
#define HOUR 3600
#define DAY (24 * HOUR)

/* "2026-11-21T01:56:19Z"; the hour and what follows may be left out. */
static int64_t
at(const char *text)
{
	struct tm tm = { .tm_mday = 1 };

	assert_true(sscanf(text, "%d-%d-%dT%d:%d:%dZ", &tm.tm_year, &tm.tm_mon,
	    &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec) >= 3);
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return timegm(&tm);
}

static struct retention
parsed(const char *text)
{
	struct retention policy;
	struct err err = ERR_INIT;

	assert_int_equal(retention_parse(text, &policy, &err), 0);
	assert_int_equal(err.code, ERR_NONE);
	return policy;
}

/* What stays of these times, as a string of + and -. */
static const char *
decided(const char *policy_text, const int64_t *times, size_t count)
{
	static char text[ITEMS_MAX + 1];
	static struct retention_item items[ITEMS_MAX];
	const struct retention policy = parsed(policy_text);
	struct err err = ERR_INIT;

	assert_true(count <= ITEMS_MAX);
	for (size_t i = 0; i < count; i++)
		items[i] = (struct retention_item){ times[i], i % 2 == 0 };
	assert_int_equal(retention_decide(&policy, items, count, &err), 0);
	for (size_t i = 0; i < count; i++)
		text[i] = items[i].stays ? '+' : '-';
	text[count] = '\0';
	return text;
}

/* The same for times as text. */
static void
check(const char *policy, const char *expected, const char *const *texts)
{
	int64_t times[64];
	const size_t count = strlen(expected);

	for (size_t i = 0; i < count; i++)
		times[i] = at(texts[i]);
	assert_string_equal(decided(policy, times, count), expected);
}

static void
test_parse(void **state)
{
	struct retention policy = parsed("48h 14d 8w 12m");
	static const uint32_t all[RETENTION_UNITS] = { 7, 1, 2, 3, 4,
	    UINT32_MAX };

	(void)state;
	assert_int_equal(policy.keep[RETENTION_NEWEST], 0);
	assert_int_equal(policy.keep[RETENTION_HOUR], 48);
	assert_int_equal(policy.keep[RETENTION_DAY], 14);
	assert_int_equal(policy.keep[RETENTION_WEEK], 8);
	assert_int_equal(policy.keep[RETENTION_MONTH], 12);
	assert_int_equal(policy.keep[RETENTION_YEAR], 0);
	policy = parsed("  4294967295y\t7 4m\n3w 2d 0001h ");
	assert_memory_equal(policy.keep, all, sizeof(all));
}

static void
test_refused(void **state)
{
	static const char *const bad[] = {
		"", " ", "\t \n", "0", "0h", "00d", "h", "d 5", "-1", "-1d",
		"+1d", "1.5d", "5x", "5H", "5hh", "5h6", "5 h", "48h,14d",
		"48h 14d x", "48h14d", "4294967296", "4294967296h",
		"18446744073709551617d", "99999999999999999999999999999d",
		"5 6", "5h 6h", "1d 2h 3d", "\xff", "5\xc3\xa4", "keep 5",
	};
	static const struct retention nothing = { { 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct retention policy = { { 9, 9, 9, 9, 9, 9 } };
		struct err err = ERR_INIT;

		assert_int_equal(retention_parse(bad[i], &policy, &err),
		    -ERR_USAGE);
		assert_int_equal(err.code, ERR_USAGE);
		assert_true(strlen(err.text) > 20);
		assert_null(strchr(err.text, '\n'));
		assert_memory_equal(&policy, &nothing, sizeof(policy));
	}
}

static void
test_newest(void **state)
{
	static const int64_t times[] = { 5, 5, 5, 5, 5 };

	(void)state;
	assert_string_equal(decided("1", times, 5), "----+");
	assert_string_equal(decided("3", times, 5), "--+++");
	assert_string_equal(decided("5", times, 5), "+++++");
	assert_string_equal(decided("4294967295", times, 5), "+++++");
	assert_string_equal(decided("9", times, 0), "");
	assert_string_equal(decided("1d", times, 1), "+");
}

/* Of each hour the newest; only hours that have one count. */
static void
test_hours(void **state)
{
	static const char *const texts[] = {
		"2025-03-30T00:59:59Z",
		"2025-03-30T01:00:00Z", "2025-03-30T01:30:00Z",
		"2025-03-30T01:59:59Z",
		"2025-03-30T02:00:00Z",
		/* A long pause. */
		"2026-10-25T00:15:00Z", "2026-10-25T00:45:00Z",
		"2026-10-25T01:00:00Z",
		"2026-10-25T02:00:00Z", "2026-10-25T02:00:00Z",
	};

	(void)state;
	check("1h", "---------+", texts);
	check("2h", "-------+-+", texts);
	check("3h", "------++-+", texts);
	check("4h", "----+-++-+", texts);
	check("5h", "---++-++-+", texts);
	check("6h", "+--++-++-+", texts);
	check("100h", "+--++-++-+", texts);
	check("1h 4", "------++++", texts);
}

/*
 * Days have 24 hours of UTC, whatever the time zone does on them: in Berlin
 * clocks changed on these two.
 */
static void
test_days(void **state)
{
	static const char *const texts[] = {
		"2026-03-28T23:00:00Z", "2026-03-28T23:59:59Z",
		"2026-03-29T00:00:00Z", "2026-03-29T01:30:00Z",
		"2026-03-29T23:59:59Z",
		"2026-03-30T00:00:00Z",
		"2026-10-24T23:59:59Z",
		"2026-10-25T00:00:00Z", "2026-10-25T23:59:59Z",
		"2026-10-26T00:00:00Z",
	};

	(void)state;
	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	check("100d", "-+--+++-++", texts);
	check("3d", "------+-++", texts);
	check("5d", "----+++-++", texts);
	unsetenv("TZ");
	tzset();
}

static void
test_leap_days(void **state)
{
	static const char *const texts[] = {
		"2000-02-28", "2000-02-29", "2000-03-01",
		"2023-02-28T23:59:59Z", "2023-03-01T00:00:00Z",
		"2024-02-28T23:59:59Z", "2024-02-29T00:00:00Z",
		"2024-02-29T23:59:59Z", "2024-03-01T00:00:00Z",
		"2100-02-28T23:59:59Z", "2100-03-01T00:00:00Z",
	};

	(void)state;
	check("100d", "++++++-++++", texts);
	check("100m", "-+++" "+--+" "+++", texts);
	check("100y", "--+-+---+-+", texts);
	check("3d", "--------+++", texts);
}

/* Weeks begin on Monday; one can lie in two years. */
static void
test_weeks(void **state)
{
	static const char *const texts[] = {
		"2020-12-27T23:59:59Z",		/* Sunday, week 52 */
		"2020-12-28T00:00:00Z",		/* Monday, week 53 */
		"2020-12-31T23:59:59Z", "2021-01-01T00:00:00Z",
		"2021-01-03T23:59:59Z",		/* Sunday, still week 53 */
		"2021-01-04T00:00:00Z",		/* Monday, week 1 */
		"2024-12-29T23:59:59Z",		/* Sunday, week 52 */
		"2024-12-30T00:00:00Z",		/* Monday, week 1 of 2025 */
		"2025-01-05T23:59:59Z",
		"2025-01-06T00:00:00Z",
	};

	(void)state;
	check("100w", "+---+++-++", texts);
	check("2w", "--------++", texts);
	check("4w", "-----++-++", texts);
	check("5w", "----+++-++", texts);
	check("100y", "--+--+-+-+", texts);
}

static void
test_months_and_years(void **state)
{
	static const char *const texts[] = {
		"2024-11-30T23:59:59Z", "2024-12-01T00:00:00Z",
		"2024-12-31T23:59:59Z", "2025-01-01T00:00:00Z",
		"2025-01-31T23:59:59Z", "2025-12-31T23:59:59Z",
		"2026-01-01T00:00:00Z", "2026-01-31T00:00:00Z",
	};

	(void)state;
	check("100m", "+-+-++-+", texts);
	check("3m", "----++-+", texts);
	check("2y", "-----+-+", texts);
	check("3y", "--+--+-+", texts);
	check("1m 3y", "--+--+-+", texts);
}

/* The newest of a period is the one that was taken last, not the latest. */
static void
test_clock_set_back(void **state)
{
	static const char *const texts[] = {
		"2026-05-01T10:50:00Z", "2026-05-01T11:50:00Z",
		"2030-01-01T00:00:00Z",		/* the clock was wrong */
		"2026-05-01T12:10:00Z",
		"2026-05-01T10:20:00Z",		/* set back */
		"2026-05-01T11:10:00Z",
	};
	static const char *const back[] = {
		"2026-05-01T10:00:00Z", "2026-05-01T09:00:00Z",
		"2026-05-01T08:00:00Z",
	};

	(void)state;
	check("1", "-----+", texts);
	check("1h", "-----+", texts);
	check("2h", "----++", texts);
	check("3h", "---+++", texts);
	check("4h", "--++++", texts);
	check("9h", "--++++", texts);
	check("9d", "--+--+", texts);
	check("1d", "-----+", texts);
	check("1y", "-----+", texts);
	check("1d", "--+", back);
	check("1h", "--+", back);
	check("2h", "-++", back);
}

/* Whatever the policy, and with none nothing goes. */
static void
test_never_all(void **state)
{
	const struct retention none = { { 0 } };
	struct retention_item items[3] = { { 1, false }, { 2, false },
	    { 3, false } };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(retention_decide(&none, items, 3, &err), 0);
	for (int i = 0; i < 3; i++)
		assert_true(items[i].stays);
	assert_int_equal(retention_decide(&none, items, 0, &err), 0);
}

/* Each term alone keeps as many as it says, and together what each keeps. */
static void
test_terms_add_up(void **state)
{
	static int64_t times[ITEMS_MAX];
	static char together[ITEMS_MAX + 1];
	static const char *const terms[] = { "48h", "14d", "8w", "12m", "2y",
	    "60" };
	static const size_t counts[] = { 48, 14, 8, 12, 2, 60 };
	static bool any[ITEMS_MAX];
	const size_t count = ITEMS_MAX;

	(void)state;
	/* Every five hours for more than two years. */
	for (size_t i = 0; i < count; i++)
		times[i] = at("2025-01-01") + (int64_t)i * 5 * HOUR;
	strcpy(together, decided("48h 14d 8w 12m 2y 60", times, count));
	for (size_t t = 0; t < sizeof(terms) / sizeof(terms[0]); t++) {
		const char *alone = decided(terms[t], times, count);
		size_t kept = 0;

		for (size_t i = 0; i < count; i++) {
			kept += alone[i] == '+';
			any[i] |= alone[i] == '+';
		}
		assert_int_equal(kept, counts[t]);
		assert_int_equal(alone[count - 1], '+');
	}
	for (size_t i = 0; i < count; i++)
		assert_int_equal(together[i], any[i] ? '+' : '-');
}

/*
 * To decide again about what stayed changes nothing, and to decide each time
 * that a snapshot was taken ends like deciding once.
 */
static void
test_again(void **state)
{
	static const char policy[] = "6h 5d 3w 4m 2y 2";
	static int64_t times[ITEMS_MAX], left[ITEMS_MAX];
	size_t count = 3000, kept = 0;
	const char *once;
	char expected[ITEMS_MAX + 1];

	(void)state;
	srand(1);
	times[0] = at("2023-12-30");
	for (size_t i = 1; i < count; i++)
		times[i] = times[i - 1] + rand() % (20 * HOUR);
	for (size_t i = 0; i < count; i++) {
		const char *now;
		size_t n = 0;

		left[kept++] = times[i];
		now = decided(policy, left, kept);
		for (size_t j = 0; j < kept; j++) {
			if (now[j] == '+')
				left[n++] = left[j];
		}
		kept = n;
	}
	memset(expected, '+', kept);
	expected[kept] = '\0';
	assert_string_equal(decided(policy, left, kept), expected);
	once = decided(policy, times, count);
	for (size_t i = 0, n = 0; i < count; i++) {
		if (once[i] == '+')
			assert_true(times[i] == left[n++]);
	}
}

static bool
same_by_libc(enum retention_unit unit, int64_t a, int64_t b)
{
	char texts[2][64];
	static const char *const formats[] = {
		[RETENTION_HOUR] = "%Y-%m-%d %H", [RETENTION_DAY] = "%Y-%m-%d",
		[RETENTION_WEEK] = "%G-%V", [RETENTION_MONTH] = "%Y-%m",
		[RETENTION_YEAR] = "%Y",
	};
	const time_t times[] = { (time_t)a, (time_t)b };
	struct tm tm;

	for (int i = 0; i < 2; i++) {
		assert_non_null(gmtime_r(&times[i], &tm));
		strftime(texts[i], sizeof(texts[i]), formats[unit], &tm);
	}
	return strcmp(texts[0], texts[1]) == 0;
}

/* Against the calendar of the C library, over some 20,000 years. */
static void
test_periods(void **state)
{
	const int64_t first = -(int64_t)10000 * 365 * DAY;

	(void)state;
	srand(2);
	for (int i = 0; i < 200000; i++) {
		const int64_t time = first + (int64_t)rand() % 7300000 * DAY +
		    rand() % DAY;
		const int64_t next = time + rand() % (i % 2 == 0 ? 400 * DAY :
		    2 * HOUR);

		for (int unit = RETENTION_HOUR; unit < RETENTION_UNITS;
		    unit++) {
			const int64_t a = retention_period(
			    (enum retention_unit)unit, time);
			const int64_t b = retention_period(
			    (enum retention_unit)unit, next);

			assert_true(a <= b);
			assert_int_equal(a == b, same_by_libc(
			    (enum retention_unit)unit, time, next));
		}
	}
	assert_int_equal(retention_period(RETENTION_YEAR, at("2026-07-01")),
	    2026);
	assert_int_equal(retention_period(RETENTION_MONTH, at("2026-07-01")),
	    2026 * 12 + 6);
}

/* Times that no calendar has: a stream may bring them. */
static void
test_extremes(void **state)
{
	static const int64_t times[] = { INT64_MIN, INT64_MIN + 1, -1, 0,
	    INT64_MAX - 1, INT64_MAX };

	(void)state;
	assert_string_equal(decided("100h", times, 6), "-+++-+");
	assert_string_equal(decided("100d", times, 6), "-+++-+");
	assert_string_equal(decided("100w", times, 6), "-+-+-+");
	assert_string_equal(decided("100m", times, 6), "-+++-+");
	assert_string_equal(decided("100y", times, 6), "-+++-+");
	assert_string_equal(decided("1y", times, 6), "-----+");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_newest),
		cmocka_unit_test(test_hours),
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_leap_days),
		cmocka_unit_test(test_weeks),
		cmocka_unit_test(test_months_and_years),
		cmocka_unit_test(test_clock_set_back),
		cmocka_unit_test(test_never_all),
		cmocka_unit_test(test_terms_add_up),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_periods),
		cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests_name("retention", tests, NULL, NULL);
}
