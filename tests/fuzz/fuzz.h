/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz.h - what the fuzz targets have in common.
 *
 * A target is one LLVMFuzzerTestOneInput(), which libFuzzer, or replay.c, calls
 * with one input after the other in one process.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* If it does not hold, tell what is wrong and end: a finding. */
void fuzz_demand(bool holds, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * A descriptor from which the bytes can be read, from the start; the same one
 * each time.
 */
int fuzz_input(const uint8_t *data, size_t size);

/*
 * A stream that demands that what is printed to it is lines without other
 * control characters, and keeps nothing; the same one each time.
 */
FILE *fuzz_output(void);

#endif
