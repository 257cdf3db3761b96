/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * level.h - what the value of an option --compress means.
 */
#ifndef SEND_LEVEL_H
#define SEND_LEVEL_H

#define LEVEL_USAGE \
    "--compress takes zstd, zstd:N with N from 1 to 19, auto, or none"

/*
 * Parse zstd, zstd:N, auto or none, as send_options has it; returns -1 for
 * anything else.
 */
int level_parse(const char *text, int *level);

#endif
