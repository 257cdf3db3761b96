/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.h - what refsync does, as events for machines; part of its main program.
 */
#ifndef SYNC_LOG_H
#define SYNC_LOG_H

#include <stdbool.h>

#include "common/err.h"
#include "common/tool.h"

struct log;

/*
 * From now on standard error has events, as refsync(1) describes them: a JSON
 * object on each line.  What tool would print there becomes one, and whatever
 * others write to descriptor 2 too.  Until log_end() a thread reads that.
 */
int log_begin(struct tool *tool, struct log **log, struct err *err);

/* The last event, with the exit code.  NULL is harmless. */
void log_end(struct log *log, int code);

#endif
