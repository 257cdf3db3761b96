/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tool.c - messages, help and progress of the tools.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/pipeline.h"
#include "common/text.h"
#include "common/tool.h"

#define MESSAGE_SIZE 4096
#define SHOW_EVERY_NS 500000000u	/* between two progress lines */
#define SHOW_AFTER_NS 1000000000u	/* short work shows none */

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Remove the progress line, if there is one, before other output. */
static void
clear_line(struct tool *tool)
{
	if (tool->line_open)
		fputs("\r\033[K", stderr);
	tool->line_open = false;
}

/* One message on stderr; names in it may hold anything. */
static void
print_message(struct tool *tool, const char *kind, const char *text)
{
	char safe[MESSAGE_SIZE];

	text_escape(safe, sizeof(safe), text, strlen(text));
	clear_line(tool);
	fprintf(stderr, "%s: %s%s\n", tool->name, kind, safe);
}

static void
on_line(void *cookie, enum notify_level level, const char *text)
{
	struct tool *tool = cookie;

	if (level == NOTIFY_WARNING || tool->verbose)
		print_message(tool, level == NOTIFY_WARNING ? "warning: " : "",
		    text);
}

static void
on_progress(void *cookie, uint64_t done, uint64_t total)
{
	struct tool *tool = cookie;
	char done_text[TEXT_SIZE_SIZE], rate_text[TEXT_SIZE_SIZE];
	const uint64_t now = now_ns();
	const double seconds = (double)(now - tool->started) / 1e9;
	double rate;

	if (tool->quiet_progress || !(tool->want_progress || isatty(2)))
		return;
	if (now - tool->started < SHOW_AFTER_NS ||
	    now - tool->shown < SHOW_EVERY_NS)
		return;
	tool->shown = now;
	rate = (double)done / seconds;
	text_size(done, done_text);
	text_size((uint64_t)rate, rate_text);
	clear_line(tool);
	fprintf(stderr, "%s: %s", tool->name, done_text);
	if (total > 0 && done <= total) {
		const uint64_t left = rate > 0 ?
		    (uint64_t)((double)(total - done) / rate) : 0;

		fprintf(stderr, " of %s (%u %%), %s/s, %u:%02u left",
		    text_size(total, done_text),
		    (unsigned)((double)done / (double)total * 100),
		    rate_text, (unsigned)(left / 60), (unsigned)(left % 60));
	} else {
		fprintf(stderr, ", %s/s", rate_text);
	}
	tool->line_open = isatty(2) != 0;
	if (!tool->line_open)
		fputc('\n', stderr);
	fflush(stderr);
}

/*
 * A standard descriptor that is closed would be given to the next file that is
 * opened, and messages would end up there.  What fills the gap cannot be used
 * in the direction of the descriptor, so that using it still fails.
 */
static void
fill_standard_descriptors(void)
{
	static const int flags[] = { O_WRONLY, O_RDONLY, O_RDONLY };

	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", flags[fd]) != fd)
			_exit(ERR_FAILED);
	}
}

void
tool_start(struct tool *tool, const char *name, const char *help)
{
	struct rlimit files;

	fill_standard_descriptors();
	memset(tool, 0, sizeof(*tool));
	tool->name = name;
	tool->help = help;
	tool->notify.line = on_line;
	tool->notify.progress = on_progress;
	tool->notify.cookie = tool;
	tool->started = now_ns();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGIO, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	/* A chain of snapshots is open as a whole. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

int
tool_finish(struct tool *tool, const struct err *err)
{
	clear_line(tool);
	if (err->code != ERR_NONE && tool->on_error != NULL)
		tool->on_error(tool->notify.cookie, err->code, err->text);
	else if (err->code != ERR_NONE)
		print_message(tool, "", err->text);
	return (int)err->code;
}

int
tool_usage(struct tool *tool, const char *format, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (tool->on_error != NULL) {
		tool->on_error(tool->notify.cookie, ERR_USAGE, text);
		return ERR_USAGE;
	}
	print_message(tool, "", text);
	fprintf(stderr, "Try '%s --help'.\n", tool->name);
	return ERR_USAGE;
}

int
tool_threads(struct tool *tool, const char *value, unsigned *threads)
{
	char *end;
	long number;

	number = strtol(value, &end, 10);
	if (end == value || *end != '\0' || number < 1 ||
	    number > (long)PIPELINE_THREADS_MAX) {
		tool_usage(tool, "-T takes a number of threads, 1 to %u",
		    PIPELINE_THREADS_MAX);
		return -1;
	}
	*threads = (unsigned)number;
	return 0;
}

int
tool_help(struct tool *tool)
{
	struct err err = ERR_INIT;

	fputs(tool->help, stdout);
	tool_flush(&err);
	return tool_finish(tool, &err);
}

int
tool_version(struct tool *tool)
{
	struct err err = ERR_INIT;

	printf("%s (%s) %s\n", tool->name, PACKAGE_NAME, PACKAGE_VERSION);
	tool_flush(&err);
	return tool_finish(tool, &err);
}

void
tool_flush(struct err *err)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		err_sys(err, ERR_FAILED, "cannot write the output");
}

double
tool_seconds(const struct tool *tool)
{
	return (double)(now_ns() - tool->started) / 1e9;
}

void
tool_print_name(const char *name)
{
	char safe[MESSAGE_SIZE];

	if (isatty(1)) {
		text_escape(safe, sizeof(safe), name, strlen(name));
		name = safe;
	}
	fputs(name, stdout);
}
