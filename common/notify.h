/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notify.h - things a user should know that are not errors.
 *
 * Library folders do not print: they hand a line to the struct notify that
 * they were given, and main decides.
 */
#ifndef COMMON_NOTIFY_H
#define COMMON_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum notify_level {
	NOTIFY_WARNING,		/* shown always */
	NOTIFY_VERBOSE,		/* shown with -v */
};

enum notify_kind {
	NOTIFY_TEXT,
	NOTIFY_NUMBER,
	NOTIFY_FLAG,
};

/* One fact of an event; a text that is NULL is left out. */
struct notify_field {
	const char *key;
	enum notify_kind kind;
	const char *text;
	uint64_t number;
};

struct notify {
	/* One line, without newline. */
	void (*line)(void *cookie, enum notify_level level, const char *text);
	/* Bytes done of total; total 0 if unknown. */
	void (*progress)(void *cookie, uint64_t done, uint64_t total);
	/* Something that was done, for machines; NULL: nobody asks. */
	void (*event)(void *cookie, const char *name,
	    const struct notify_field *fields, size_t count);
	void *cookie;
};

/* Send a line; notify may be NULL. */
void notify_line(const struct notify *notify, enum notify_level level,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Tell how far the work is; notify may be NULL. */
void notify_progress(const struct notify *notify, uint64_t done,
    uint64_t total);

static inline struct notify_field
notify_text(const char *key, const char *text)
{
	return (struct notify_field){ key, NOTIFY_TEXT, text, 0 };
}

static inline struct notify_field
notify_number(const char *key, uint64_t number)
{
	return (struct notify_field){ key, NOTIFY_NUMBER, NULL, number };
}

static inline struct notify_field
notify_flag(const char *key, bool flag)
{
	return (struct notify_field){ key, NOTIFY_FLAG, NULL, flag };
}

/* Tell of an event, with so many fields; notify may be NULL. */
void notify_event(const struct notify *notify, const char *name,
    const struct notify_field *fields, size_t count);

#endif
