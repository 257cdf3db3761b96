/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dump.h - print a stream as text, one line for each record.
 */
#ifndef STREAM_FORMAT_DUMP_H
#define STREAM_FORMAT_DUMP_H

#include <stdio.h>

#include "common/err.h"

/*
 * Read the whole stream from fd and print it to out.  Checks everything that
 * can be checked without a base; DATA that needs no prefix is decoded and its
 * hash checked.  What was printed before an error stays printed.
 */
int dump_stream(int fd, FILE *out, struct err *err);

#endif
