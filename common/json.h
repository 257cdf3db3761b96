/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json.h - write one JSON value (RFC 8259) piece by piece.
 *
 * A result with hundreds of thousands of ranges must not be held in memory, so
 * this writes as it goes.  Strings need not be UTF-8: a byte that is not part
 * of a valid character is written as the character U+DC80 to U+DCFF, escaped,
 * which Python's surrogateescape turns back into the byte.
 */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Zeroed, with out set, is the start. */
struct json {
	FILE *out;
	bool comma;		/* a value stands before the next one */
};

/* key is NULL inside an array and for the outermost value. */
void json_object(struct json *json, const char *key);
void json_object_end(struct json *json);
void json_array(struct json *json, const char *key);
void json_array_end(struct json *json);
void json_string(struct json *json, const char *key, const char *value);
void json_bytes(struct json *json, const char *key, const void *value,
    size_t length);
void json_number(struct json *json, const char *key, uint64_t value);
void json_signed(struct json *json, const char *key, int64_t value);
void json_seconds(struct json *json, const char *key, double value);
void json_bool(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);

#endif
