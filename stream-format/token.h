/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * token.h - where an interrupted transfer goes on, as a word that people and
 * programs carry from the receiver to the sender.
 */
#ifndef STREAM_FORMAT_TOKEN_H
#define STREAM_FORMAT_TOKEN_H

#include <stdint.h>

#include "common/uuid.h"

/* What a RESUME record says, and the base that the snapshot is built on. */
struct token {
	struct uuid snapshot;
	struct uuid base;	/* nil: sent whole */
	struct uuid stream;	/* that was interrupted */
	uint64_t offset;	/* all ranges below are there */
};

#define TOKEN_TEXT_SIZE 131	/* 130 characters and a NUL */

/*
 * Write a token as "1-" and 128 hexadecimal digits: version, fields, checksum.
 * Returns text.
 */
char *token_format(const struct token *token, char text[TOKEN_TEXT_SIZE]);

/* Returns 0, or -1 if text is not what token_format() wrote, to the letter. */
int token_parse(const char *text, struct token *token);

#endif
