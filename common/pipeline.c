/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pipeline.c - prepare pieces side by side, and hand them on in order.
 */
#include "config.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/pipeline.h"

struct slot {
	void *piece;
	bool worked;		/* waits for the sink */
	int rc;			/* of its steps */
	struct err err;
};

/*
 * Pieces go round in a ring.  Three counters never go back, sunk <= taken <=
 * filled <= sunk + count; the piece of number n is in slot n % count.
 */
struct pipeline {
	pipeline_step *work, *sink;
	void *cookie;
	struct slot *slots;
	size_t count;
	unsigned threads;	/* 0: none, see pipeline_new() */
	pthread_t *workers;
	pthread_t sinker;
	unsigned started;	/* threads that run */
	pthread_mutex_t lock;	/* of all below */
	pthread_cond_t to_take, to_sink, is_free;
	uint64_t filled, taken, sunk;
	bool stop;
	int rc;			/* of the first piece that failed */
	struct err err;
	uint64_t busy_ns;	/* of workers */
	uint64_t asked_ns;	/* when pipeline_load() last was */
};

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct slot *
slot_of(const struct pipeline *p, uint64_t number)
{
	return &p->slots[number % p->count];
}

/* Work on one piece; the lock is held before and after. */
static void
work_on(struct pipeline *p, struct slot *slot)
{
	const bool skip = p->rc != 0;
	const uint64_t start = now_ns();

	pthread_mutex_unlock(&p->lock);
	err_clear(&slot->err);
	slot->rc = skip ? 0 : p->work(p->cookie, slot->piece, &slot->err);
	pthread_mutex_lock(&p->lock);
	p->busy_ns += now_ns() - start;
	slot->worked = true;
}

/* Hand on the oldest piece, which was worked on; likewise. */
static void
sink_next(struct pipeline *p)
{
	struct slot *const slot = slot_of(p, p->sunk);
	const bool skip = p->rc != 0 || slot->rc != 0;

	pthread_mutex_unlock(&p->lock);
	if (!skip)
		slot->rc = p->sink(p->cookie, slot->piece, &slot->err);
	pthread_mutex_lock(&p->lock);
	if (p->rc == 0 && slot->rc != 0) {
		p->rc = slot->rc;
		p->err = slot->err;
	}
	slot->worked = false;
	p->sunk++;
}

static void *
run_worker(void *argument)
{
	struct pipeline *const p = argument;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (!p->stop && p->taken == p->filled)
			pthread_cond_wait(&p->to_take, &p->lock);
		if (p->taken == p->filled)
			break;
		work_on(p, slot_of(p, p->taken++));
		pthread_cond_signal(&p->to_sink);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void *
run_sink(void *argument)
{
	struct pipeline *const p = argument;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (!slot_of(p, p->sunk)->worked &&
		    !(p->stop && p->sunk == p->filled))
			pthread_cond_wait(&p->to_sink, &p->lock);
		if (!slot_of(p, p->sunk)->worked)
			break;
		sink_next(p);
		pthread_cond_signal(&p->is_free);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* End those that run, when they have nothing to do any more. */
static void
end_threads(struct pipeline *p)
{
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->to_take);
	pthread_cond_broadcast(&p->to_sink);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->started && i < p->threads; i++)
		pthread_join(p->workers[i], NULL);
	if (p->started > p->threads)
		pthread_join(p->sinker, NULL);
	p->started = 0;
}

/*
 * Start all threads; signals go to the others.  If the system does not give so
 * many, there are none: slower, but it gets done.
 */
static void
start(struct pipeline *p)
{
	sigset_t all, before;
	int rc = 0;

	if (p->threads == 0)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (unsigned i = 0; i < p->threads && rc == 0; i++) {
		rc = pthread_create(&p->workers[i], NULL, run_worker, p);
		p->started += rc == 0;
	}
	if (rc == 0) {
		rc = pthread_create(&p->sinker, NULL, run_sink, p);
		p->started += rc == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		end_threads(p);
		p->threads = 0;
		p->stop = false;
	}
}

int
pipeline_new(unsigned threads, void **pieces, size_t count,
    pipeline_step *work, pipeline_step *sink, void *cookie,
    struct pipeline **pipeline, struct err *err)
{
	struct pipeline *const p = calloc(1, sizeof(*p));

	if (p == NULL)
		return err_sys(err, ERR_FAILED, "cannot start");
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->to_take, NULL);
	pthread_cond_init(&p->to_sink, NULL);
	pthread_cond_init(&p->is_free, NULL);
	p->work = work;
	p->sink = sink;
	p->cookie = cookie;
	p->count = count;
	p->threads = threads > 1 ? threads : 0;
	p->asked_ns = now_ns();
	p->slots = calloc(count, sizeof(*p->slots));
	p->workers = calloc(p->threads + 1, sizeof(*p->workers));
	for (size_t i = 0; p->slots != NULL && i < count; i++)
		p->slots[i].piece = pieces[i];
	if (p->slots == NULL || p->workers == NULL) {
		err_sys(err, ERR_FAILED, "cannot start");
		pipeline_free(p);
		return -ERR_FAILED;
	}
	start(p);
	*pipeline = p;
	return 0;
}

int
pipeline_next(struct pipeline *p, void **piece, struct err *err)
{
	int rc;

	pthread_mutex_lock(&p->lock);
	while (p->filled - p->sunk == p->count)
		pthread_cond_wait(&p->is_free, &p->lock);
	*piece = slot_of(p, p->filled)->piece;
	rc = p->rc;
	if (rc != 0)
		*err = p->err;
	pthread_mutex_unlock(&p->lock);
	return rc;
}

uint64_t
pipeline_put(struct pipeline *p)
{
	uint64_t count;

	pthread_mutex_lock(&p->lock);
	count = ++p->filled;
	if (p->threads > 0) {
		pthread_cond_signal(&p->to_take);
	} else {
		work_on(p, slot_of(p, p->taken++));
		sink_next(p);
	}
	pthread_mutex_unlock(&p->lock);
	return count;
}

int
pipeline_wait(struct pipeline *p, uint64_t count, struct err *err)
{
	int rc;

	pthread_mutex_lock(&p->lock);
	while (p->sunk < count)
		pthread_cond_wait(&p->is_free, &p->lock);
	rc = p->rc;
	if (rc != 0)
		*err = p->err;
	pthread_mutex_unlock(&p->lock);
	return rc;
}

int
pipeline_drain(struct pipeline *p, struct err *err)
{
	uint64_t filled;

	pthread_mutex_lock(&p->lock);
	filled = p->filled;
	pthread_mutex_unlock(&p->lock);
	return pipeline_wait(p, filled, err);
}

double
pipeline_load(struct pipeline *p)
{
	const uint64_t now = now_ns();
	uint64_t passed;
	double load;

	pthread_mutex_lock(&p->lock);
	passed = (now - p->asked_ns) * (p->threads > 0 ? p->threads : 1);
	load = passed > 0 ? (double)p->busy_ns / (double)passed : 0;
	p->busy_ns = 0;
	p->asked_ns = now;
	pthread_mutex_unlock(&p->lock);
	return load;
}

void
pipeline_free(struct pipeline *p)
{
	if (p == NULL)
		return;
	end_threads(p);
	pthread_cond_destroy(&p->to_take);
	pthread_cond_destroy(&p->to_sink);
	pthread_cond_destroy(&p->is_free);
	pthread_mutex_destroy(&p->lock);
	free(p->workers);
	free(p->slots);
	free(p);
}

unsigned
pipeline_processors(void)
{
	cpu_set_t set;
	int count = 1;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		count = CPU_COUNT(&set);
	if (count < 1)
		return 1;
	return (unsigned)count < PIPELINE_DEFAULT_MAX ? (unsigned)count :
	    PIPELINE_DEFAULT_MAX;
}
