/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.c - what refsync does, as events for machines.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/io.h"
#include "common/json.h"
#include "sync/log.h"

#define PROGRESS_EVERY 2	/* seconds */
#define LINE_MAX_BYTES 4096u	/* of what others print, in one event */

struct log {
	struct tool *tool;
	int out;		/* standard error, as it was */
	int heard;		/* what is written to descriptor 2 since */
	int stop[2];		/* closing the second one ends the thread */
	pthread_t thread;
	pthread_mutex_t mutex;
	time_t progress;	/* CLOCK_MONOTONIC: when the last one was told */
	char line[LINE_MAX_BYTES];
	size_t have;		/* bytes of a line that others began */
};

static time_t
now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* As in "2026-11-21T01:56:19.012Z". */
static void
put_time(struct json *json)
{
	struct timespec now;
	char seconds[40], text[56];
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03ldZ", seconds,
	    now.tv_nsec / 1000000);
	json_string(json, "time", text);
}

static void
put_field(struct json *json, const struct notify_field *field)
{
	switch (field->kind) {
	case NOTIFY_TEXT:
		if (field->text != NULL)
			json_string(json, field->key, field->text);
		break;
	case NOTIFY_NUMBER:
		json_number(json, field->key, field->number);
		break;
	case NOTIFY_FLAG:
		json_bool(json, field->key, field->number != 0);
		break;
	}
}

/* One event, in one write; what nobody takes is lost. */
static void
tell(void *cookie, const char *name, const struct notify_field *fields,
    size_t count)
{
	struct log *log = cookie;
	char *text = NULL;
	size_t length;
	struct json json = { .out = open_memstream(&text, &length) };

	if (json.out == NULL)
		return;
	json_object(&json, NULL);
	json_string(&json, "event", name);
	put_time(&json);
	for (size_t i = 0; i < count; i++)
		put_field(&json, &fields[i]);
	json_object_end(&json);
	fputc('\n', json.out);
	if (fclose(json.out) == 0) {
		pthread_mutex_lock(&log->mutex);
		(void)!io_write(log->out, text, length);
		pthread_mutex_unlock(&log->mutex);
	}
	free(text);
}

static void
on_line(void *cookie, enum notify_level level, const char *text)
{
	const struct log *log = cookie;
	const struct notify_field fields[] = { notify_text("text", text) };

	if (level == NOTIFY_WARNING || log->tool->verbose)
		tell(cookie, level == NOTIFY_WARNING ? "warning" : "info",
		    fields, 1);
}

static void
on_progress(void *cookie, uint64_t done, uint64_t total)
{
	struct log *log = cookie;
	const struct notify_field fields[] = {
		notify_number("done", done), notify_number("total", total),
	};

	if (now_seconds() - log->progress < PROGRESS_EVERY)
		return;
	log->progress = now_seconds();
	tell(log, "progress", fields, total > 0 ? 2 : 1);
}

static void
on_error(void *cookie, enum err_code code, const char *text)
{
	const struct notify_field fields[] = {
		notify_number("code", (uint64_t)code),
		notify_text("text", text),
	};

	tell(cookie, "error", fields, 2);
}

/* The line that others wrote, which ends here. */
static void
tell_output(struct log *log)
{
	const struct notify_field fields[] = {
		notify_text("text", log->line),
	};

	log->line[log->have] = '\0';
	if (log->have > 0)
		tell(log, "output", fields, 1);
	log->have = 0;
}

/* Take in what is there; false if there is nothing. */
static bool
hear(struct log *log)
{
	char bytes[512];
	const ssize_t n = read(log->heard, bytes, sizeof(bytes));

	for (ssize_t i = 0; i < n; i++) {
		if (bytes[i] == '\n' || bytes[i] == '\r' || bytes[i] == '\0') {
			tell_output(log);
			continue;
		}
		log->line[log->have++] = bytes[i];
		if (log->have == sizeof(log->line) - 1)
			tell_output(log);
	}
	return n > 0 || (n < 0 && errno == EINTR);
}

static void *
listen_on(void *cookie)
{
	struct log *log = cookie;
	struct pollfd fds[2] = {
		{ .fd = log->heard, .events = POLLIN },
		{ .fd = log->stop[0], .events = POLLIN },
	};

	do {
		if (poll(fds, 2, -1) > 0 && fds[0].revents != 0)
			hear(log);
	} while (fds[1].revents == 0);
	/* Who still has descriptor 2 is not waited for. */
	while (hear(log))
		;
	tell_output(log);
	return NULL;
}

/* Descriptor 2 becomes a pipe, whose other end is heard. */
static int
take_over(struct log *log)
{
	int heard[2];

	log->out = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (log->out < 0 || pipe2(heard, O_CLOEXEC) != 0)
		return -1;
	log->heard = heard[0];
	if (dup2(heard[1], STDERR_FILENO) < 0) {
		close(heard[1]);
		return -1;
	}
	close(heard[1]);
	return fcntl(log->heard, F_SETFL, O_NONBLOCK) == 0 &&
	    pipe2(log->stop, O_CLOEXEC) == 0 ? 0 : -1;
}

/* The thread takes no signal: whoever blocks one means the whole process. */
static int
start_thread(struct log *log)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&log->thread, NULL, listen_on, log);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return error == 0 ? 0 : -1;
}

static void
close_all(struct log *log)
{
	const int fds[] = { log->out, log->heard, log->stop[0], log->stop[1] };

	if (log->out >= 0)
		dup2(log->out, STDERR_FILENO);
	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	pthread_mutex_destroy(&log->mutex);
	free(log);
}

int
log_begin(struct tool *tool, struct log **result, struct err *err)
{
	const struct notify_field fields[] = {
		notify_text("version", PACKAGE_VERSION),
		notify_number("pid", (uint64_t)getpid()),
	};
	struct log *log = calloc(1, sizeof(*log));

	if (log == NULL)
		return err_sys(err, ERR_FAILED, "--log-json");
	log->tool = tool;
	log->progress = now_seconds();
	log->out = log->heard = log->stop[0] = log->stop[1] = -1;
	pthread_mutex_init(&log->mutex, NULL);
	if (take_over(log) != 0 || start_thread(log) != 0) {
		err_sys(err, ERR_FAILED, "--log-json");
		close_all(log);
		return -ERR_FAILED;
	}
	tool->notify = (struct notify){
		.line = on_line, .progress = on_progress, .event = tell,
		.cookie = log,
	};
	tool->on_error = on_error;
	tell(log, "start", fields, 2);
	*result = log;
	return 0;
}

void
log_end(struct log *log, int code)
{
	struct notify_field fields[2];

	if (log == NULL)
		return;
	fields[0] = notify_number("code", (uint64_t)code);
	fields[1] = notify_number("milliseconds",
	    (uint64_t)(tool_seconds(log->tool) * 1000));
	close(log->stop[1]);
	log->stop[1] = -1;
	pthread_join(log->thread, NULL);
	tell(log, "end", fields, 2);
	log->tool->notify = (struct notify){ .line = NULL };
	log->tool->on_error = NULL;
	close_all(log);
}
