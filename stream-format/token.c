/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * token.c - write and read tokens.
 */
#include "config.h"

#include <string.h>

#include "common/buf.h"
#include "common/hash.h"
#include "stream-format/token.h"

#define TOKEN_VERSION "1-"
#define TOKEN_VERSION_LENGTH 2u
#define FIELDS_SIZE (3u * UUID_SIZE + 8u)
#define BYTES_SIZE (FIELDS_SIZE + 8u)	/* with the checksum */

static const char digits[] = "0123456789abcdef";

char *
token_format(const struct token *token, char text[TOKEN_TEXT_SIZE])
{
	uint8_t bytes[BYTES_SIZE];
	struct buf_writer w = { .data = bytes, .size = sizeof(bytes) };
	char *out = text + TOKEN_VERSION_LENGTH;

	buf_put(&w, token->snapshot.bytes, UUID_SIZE);
	buf_put(&w, token->base.bytes, UUID_SIZE);
	buf_put(&w, token->stream.bytes, UUID_SIZE);
	buf_put64(&w, token->offset);
	buf_put64(&w, hash64(0, bytes, FIELDS_SIZE, NULL, 0));
	memcpy(text, TOKEN_VERSION, TOKEN_VERSION_LENGTH);
	for (size_t i = 0; i < BYTES_SIZE; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
	return text;
}

/* The value of a digit, as token_format() writes them; -1 for anything else. */
static int
digit_value(char c)
{
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

int
token_parse(const char *text, struct token *token)
{
	uint8_t bytes[BYTES_SIZE];
	struct buf_reader r = { .data = bytes, .size = sizeof(bytes) };

	if (strlen(text) != TOKEN_TEXT_SIZE - 1 ||
	    memcmp(text, TOKEN_VERSION, TOKEN_VERSION_LENGTH) != 0)
		return -1;
	for (size_t i = 0; i < BYTES_SIZE; i++) {
		const char *at = text + TOKEN_VERSION_LENGTH + 2 * i;
		const int high = digit_value(at[0]), low = digit_value(at[1]);

		if (high < 0 || low < 0)
			return -1;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	buf_get_copy(&r, token->snapshot.bytes, UUID_SIZE);
	buf_get_copy(&r, token->base.bytes, UUID_SIZE);
	buf_get_copy(&r, token->stream.bytes, UUID_SIZE);
	token->offset = buf_get64(&r);
	return buf_get64(&r) == hash64(0, bytes, FIELDS_SIZE, NULL, 0) ? 0 :
	    -1;
}
