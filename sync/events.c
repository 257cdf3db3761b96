/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * events.c - what --log-json hears of a push and of a pull alike.
 */
#include "config.h"

#include "sync/events.h"

void
event_base(const struct notify *notify, const struct uuid *base, bool full,
    bool present)
{
	char id[UUID_TEXT_SIZE];
	const struct notify_field fields[] = {
		notify_text("base", uuid_is_nil(base) ? NULL :
		    uuid_format(base, id)),
		notify_flag("full", full),
		notify_flag("present", present),
	};

	notify_event(notify, "base", fields, 3);
}

void
event_held(const struct notify *notify, const struct uuid *id,
    const char *tag)
{
	char text[UUID_TEXT_SIZE];
	const struct notify_field fields[] = {
		notify_text("id", uuid_format(id, text)),
		notify_text("tag", tag),
	};

	notify_event(notify, "held", fields, 2);
}
