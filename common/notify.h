/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notify.h - things a user should know that are not errors.
 *
 * Library folders do not print: they hand a line to the struct notify that
 * they were given, and main decides.
 */
#ifndef COMMON_NOTIFY_H
#define COMMON_NOTIFY_H

#include <stdint.h>

enum notify_level {
	NOTIFY_WARNING,		/* shown always */
	NOTIFY_VERBOSE,		/* shown with -v */
};

struct notify {
	/* One line, without newline. */
	void (*line)(void *cookie, enum notify_level level, const char *text);
	/* Bytes done of total; total 0 if unknown. */
	void (*progress)(void *cookie, uint64_t done, uint64_t total);
	void *cookie;
};

/* Send a line; notify may be NULL. */
void notify_line(const struct notify *notify, enum notify_level level,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Tell how far the work is; notify may be NULL. */
void notify_progress(const struct notify *notify, uint64_t done,
    uint64_t total);

#endif
