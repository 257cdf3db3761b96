/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * words.h - the words of a command: out of a string, and into a line for a
 * shell elsewhere.
 */
#ifndef SYNC_WORDS_H
#define SYNC_WORDS_H

#include <stddef.h>

#include "common/err.h"

/*
 * Split a command such as ssh -p 2222 -o 'User name' into words, without a
 * shell: blanks separate, '...' is taken literally, in "..." and elsewhere a
 * backslash takes the next character literally (in "..." only before " and \).
 * *words ends with NULL and is freed with words_free().  ERR_USAGE if there is
 * no word or a quote is left open.
 */
int words_split(const char *text, char ***words, struct err *err);

/* NULL is harmless. */
void words_free(char **words);

/*
 * One line that any shell takes apart into just these words again, to be freed
 * by the caller; NULL without memory.
 */
char *words_quote(char *const words[]);

#endif
