/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.h - tell what was received, and what was kept; part of the main
 * program.
 */
#ifndef RECEIVE_REPORT_H
#define RECEIVE_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/notify.h"
#include "receive/receive.h"
#include "receive/unfinished.h"

/* As messages that --verbose shows. */
void report_lines(const struct receive_options *options,
    const struct receive_result *result);

/* On standard output, as one object of JSON. */
void report_json(const struct receive_options *options,
    const struct receive_result *result, double seconds);

/* On standard output, as lines or one object of JSON. */
void report_tokens(const struct unfinished *list, size_t count, bool json);

#endif
