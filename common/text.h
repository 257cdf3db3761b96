/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.h - make bytes of unknown origin, such as file names, fit to be shown.
 */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Write length bytes to out, of size bytes, in a form that is safe to print
 * on one line: printable ASCII and valid UTF-8 stay, a backslash is doubled,
 * newline and tab become \n and \t, all other bytes \xNN.  Always terminates
 * out with a NUL and cuts at a whole character.  Returns the length of out.
 */
size_t text_escape(char *out, size_t size, const void *bytes, size_t length);

/*
 * The number of bytes (1 to 4) of the valid UTF-8 character at p, of which
 * length bytes are there; 0 if there is none.  Overlong forms, surrogates and
 * characters above U+10FFFF are not valid (RFC 3629).
 */
size_t text_utf8_length(const uint8_t *p, size_t length);

/*
 * Parse a size such as 512, 64K, 256M, 10G or 2T (powers of 1024, an optional
 * final B or iB is accepted).  Returns 0, or -1 if it is none.
 */
int text_parse_size(const char *text, uint64_t *size);

#define TEXT_SIZE_SIZE 16

/* Write a size for people, as "3.2 MiB", to out; returns out. */
char *text_size(uint64_t size, char out[TEXT_SIZE_SIZE]);

#define TEXT_TIME_SIZE 32

/*
 * Write a time, in seconds since 1970, in UTC, as "2026-11-21T01:56:19Z", to
 * out; returns out.  Outside of the years 0 to 9999 it is the number, as
 * "@253402300800".
 */
char *text_time(int64_t seconds, char out[TEXT_TIME_SIZE]);

#endif
