/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notify.c - hand lines and progress to whoever wants them.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/notify.h"

void
notify_line(const struct notify *notify, enum notify_level level,
    const char *format, ...)
{
	char text[1024];
	va_list ap;

	if (notify == NULL || notify->line == NULL)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	notify->line(notify->cookie, level, text);
}

void
notify_event(const struct notify *notify, const char *name,
    const struct notify_field *fields, size_t count)
{
	if (notify != NULL && notify->event != NULL)
		notify->event(notify->cookie, name, fields, count);
}

void
notify_progress(const struct notify *notify, uint64_t done, uint64_t total)
{
	if (notify != NULL && notify->progress != NULL)
		notify->progress(notify->cookie, done, total);
}
