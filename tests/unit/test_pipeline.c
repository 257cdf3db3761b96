/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_pipeline.c - pieces that are worked on side by side and come out in
 * order.
 */
#include "config.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/pipeline.h"

#define COUNT_MAX 40
#define NEVER UINT64_MAX

struct piece {
	uint64_t number;
	uint64_t doubled;	/* by the work */
};

struct run {
	struct pipeline *pipeline;
	struct piece pieces[COUNT_MAX];
	uint64_t sunk;		/* pieces that the sink took */
	uint64_t work_fails, sink_fails;	/* from this number on */
	bool ordered;
};

static const unsigned threads[] = { 1, 2, 3, 16 };

/* Pieces take their time, and not the same. */
static void
dawdle(uint64_t number)
{
	const struct timespec nap = { 0, (long)(number * 7919 % 5) * 50000 };

	nanosleep(&nap, NULL);
}

static int
work(void *cookie, void *piece, struct err *err)
{
	struct run *run = cookie;
	struct piece *p = piece;

	dawdle(p->number);
	if (p->number >= run->work_fails)
		return err_set(err, ERR_STREAM, "work %" PRIu64, p->number);
	p->doubled = 2 * p->number;
	return 0;
}

static int
sink(void *cookie, void *piece, struct err *err)
{
	struct run *run = cookie;
	const struct piece *p = piece;

	dawdle(p->number + 1);
	if (p->number >= run->sink_fails)
		return err_set(err, ERR_UNABLE, "sink %" PRIu64, p->number);
	if (p->number != run->sunk || p->doubled != 2 * p->number)
		run->ordered = false;
	run->sunk++;
	return 0;
}

static void
start(struct run *run, unsigned number, size_t count)
{
	void *pieces[COUNT_MAX];
	struct err err = ERR_INIT;

	memset(run, 0, sizeof(*run));
	run->work_fails = run->sink_fails = NEVER;
	run->ordered = true;
	for (size_t i = 0; i < count; i++)
		pieces[i] = &run->pieces[i];
	assert_int_equal(pipeline_new(number, pieces, count, work, sink, run,
	    &run->pipeline, &err), 0);
}

/* Fill pieces up to a number, or until one is refused. */
static int
fill(struct run *run, uint64_t from, uint64_t to, struct err *err)
{
	for (uint64_t i = from; i < to; i++) {
		void *piece;
		const int rc = pipeline_next(run->pipeline, &piece, err);

		if (rc != 0)
			return rc;
		((struct piece *)piece)->number = i;
		((struct piece *)piece)->doubled = 0;
		pipeline_put(run->pipeline);
	}
	return 0;
}

/* Whatever the number of threads and pieces: all come out, in order. */
static void
test_order(void **state)
{
	static const size_t counts[] = { 1, 2, 7, COUNT_MAX };
	struct err err = ERR_INIT;
	struct run run;

	(void)state;
	for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
		for (size_t j = 0; j < 4; j++) {
			start(&run, threads[i], counts[j]);
			assert_int_equal(fill(&run, 0, 150, &err), 0);
			assert_int_equal(pipeline_drain(run.pipeline, &err),
			    0);
			assert_int_equal(run.sunk, 150);
			/* It goes on after it was empty. */
			assert_int_equal(fill(&run, 150, 300, &err), 0);
			pipeline_free(run.pipeline);
			assert_int_equal(run.sunk, 300);
			assert_true(run.ordered);
		}
	}
	pipeline_free(NULL);
}

/* The first error in order is told, and the sink takes nothing after it. */
static void
test_failure(void **state)
{
	static const struct {
		uint64_t work, sink;
		enum err_code code;
		const char *text;
	} cases[] = {
		{ 0, NEVER, ERR_STREAM, "work 0" },
		{ 50, 60, ERR_STREAM, "work 50" },
		{ 60, 50, ERR_UNABLE, "sink 50" },
		{ NEVER, 99, ERR_UNABLE, "sink 99" },
	};
	struct run run;

	(void)state;
	for (size_t i = 0; i < 4 * sizeof(threads) / sizeof(threads[0]); i++) {
		const size_t n = i / 4;
		struct err err = ERR_INIT, again = ERR_INIT;

		start(&run, threads[n], 6);
		run.work_fails = cases[i % 4].work;
		run.sink_fails = cases[i % 4].sink;
		fill(&run, 0, 100, &again);
		err_clear(&again);
		assert_int_equal(pipeline_drain(run.pipeline, &err),
		    -(int)cases[i % 4].code);
		assert_int_equal(err.code, cases[i % 4].code);
		assert_string_equal(err.text, cases[i % 4].text);
		assert_int_equal(run.sunk, cases[i % 4].work <
		    cases[i % 4].sink ? cases[i % 4].work :
		    cases[i % 4].sink);
		/* It stays so. */
		assert_int_equal(fill(&run, 100, 101, &again), -(int)err.code);
		assert_string_equal(again.text, err.text);
		pipeline_free(run.pipeline);
		assert_true(run.ordered);
	}
}

/* Waiting for some pieces: these are through, others may be on their way. */
static void
test_wait(void **state)
{
	struct run run;

	(void)state;
	for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
		struct err err = ERR_INIT;
		void *piece;

		start(&run, threads[i], 20);
		for (uint64_t n = 0; n < 100; n++) {
			assert_int_equal(pipeline_next(run.pipeline, &piece,
			    &err), 0);
			((struct piece *)piece)->number = n;
			assert_true(pipeline_put(run.pipeline) == n + 1);
			if (n % 10 != 9)
				continue;
			assert_int_equal(pipeline_wait(run.pipeline, n - 4,
			    &err), 0);
			assert_true(run.sunk >= n - 4);
		}
		assert_int_equal(pipeline_wait(run.pipeline, 0, &err), 0);
		/* One that never gets to the sink is waited for, too. */
		run.work_fails = 110;
		assert_int_equal(fill(&run, 100, 111, &err), 0);
		assert_int_equal(pipeline_wait(run.pipeline, 111, &err),
		    -ERR_STREAM);
		assert_string_equal(err.text, "work 110");
		pipeline_free(run.pipeline);
		assert_int_equal(run.sunk, 110);
		assert_true(run.ordered);
	}
}

/* Freed while pieces are on their way: they are finished. */
static void
test_freed_early(void **state)
{
	struct err err = ERR_INIT;
	struct run run;

	(void)state;
	for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
		start(&run, threads[i], COUNT_MAX);
		assert_int_equal(fill(&run, 0, COUNT_MAX, &err), 0);
		pipeline_free(run.pipeline);
		assert_int_equal(run.sunk, COUNT_MAX);
	}
}

static void
test_load(void **state)
{
	const struct timespec pause = { 0, 20000000 };
	struct err err = ERR_INIT;
	struct run run;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		double busy;

		start(&run, threads[i], 4);
		pipeline_load(run.pipeline);
		fill(&run, 0, 100, &err);
		pipeline_drain(run.pipeline, &err);
		busy = pipeline_load(run.pipeline);
		assert_true(busy > 0.01 && busy <= 1.01);
		nanosleep(&pause, NULL);
		assert_true(pipeline_load(run.pipeline) < 0.001);
		pipeline_free(run.pipeline);
	}
}

static void
test_processors(void **state)
{
	(void)state;
	assert_true(pipeline_processors() >= 1);
	assert_true(pipeline_processors() <= PIPELINE_DEFAULT_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_freed_early),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_processors),
	};

	alarm(30);	/* in place of waiting for ever */
	return cmocka_run_group_tests_name("pipeline", tests, NULL, NULL);
}
