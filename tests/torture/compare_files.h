/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * compare_files.h - compare by reading everything: what all else is judged by.
 */
#ifndef TORTURE_COMPARE_FILES_H
#define TORTURE_COMPARE_FILES_H

#include "common/err.h"

/* ERR_DIFFERENT, naming the first byte, if two files do not hold the same. */
int compare_files(const char *a, const char *b, struct err *err);

/*
 * The delta between two snapshots, either one the base: laid over the bytes of
 * the base it must give the bytes of the snapshot (ERR_DIFFERENT), and what
 * maps alone prove unchanged must be equal.
 */
int compare_delta(const char *base, const char *snapshot, struct err *err);

#endif
