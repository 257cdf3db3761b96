/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tool.h - what the main files of the tools have in common: messages, help,
 * progress.  Included by main files only, and by snapshot/verbs.h, a part of
 * one.
 */
#ifndef COMMON_TOOL_H
#define COMMON_TOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/notify.h"

struct tool {
	const char *name;	/* for messages */
	const char *help;	/* printed by --help */
	bool verbose;
	bool quiet_progress;	/* no progress, whatever stderr is */
	bool want_progress;	/* progress even if stderr is no terminal */
	struct notify notify;	/* hand this to libraries */
	/* Progress: CLOCK_MONOTONIC, ns. */
	uint64_t started;
	uint64_t shown;
	bool line_open;		/* a progress line stands on the terminal */
};

/*
 * Prepare a tool: its standard descriptors, notify, signals (SIGPIPE and
 * SIGXFSZ become errors of write(2); SIGIO, sent when a lease is broken, is
 * ignored), and the limit of open files.
 */
void tool_start(struct tool *tool, const char *name, const char *help);

/* Print an error, if it is one; returns the exit code. */
int tool_finish(struct tool *tool, const struct err *err);

/* Print a usage error and where help is; returns ERR_USAGE. */
int tool_usage(struct tool *tool, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * The value of an option -T, 1 to PIPELINE_THREADS_MAX. Returns -1 after a
 * message.
 */
int tool_threads(struct tool *tool, const char *value, unsigned *threads);

/* Print help, or the version, to stdout; returns the exit code. */
int tool_help(struct tool *tool);
int tool_version(struct tool *tool);

/* Flush stdout: output that could not be written is a failure. */
void tool_flush(struct err *err);

/* Seconds since tool_start(). */
double tool_seconds(const struct tool *tool);

/* Print a name to stdout, escaped if stdout is a terminal. */
void tool_print_name(const char *name);

#endif
