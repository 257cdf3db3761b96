/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json.c - write one JSON value piece by piece.
 */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"

static void
put_string(FILE *out, const void *value, size_t length)
{
	const uint8_t *p = value;
	const uint8_t *const end = p + length;

	fputc('"', out);
	while (p < end) {
		const size_t n = text_utf8_length(p, (size_t)(end - p));

		if (n == 0)
			fprintf(out, "\\udc%02x", *p);
		else if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else if (*p < 0x20 || *p == 0x7f)
			fprintf(out, "\\u%04x", *p);
		else
			fwrite(p, 1, n, out);
		p += n > 0 ? n : 1;
	}
	fputc('"', out);
}

/* What stands before any value. */
static void
start(struct json *json, const char *key)
{
	if (json->comma)
		fputs(", ", json->out);
	json->comma = true;
	if (key != NULL) {
		put_string(json->out, key, strlen(key));
		fputs(": ", json->out);
	}
}

static void
open_with(struct json *json, const char *key, char bracket)
{
	start(json, key);
	fputc(bracket, json->out);
	json->comma = false;
}

static void
close_with(struct json *json, char bracket)
{
	fputc(bracket, json->out);
	json->comma = true;
}

void
json_object(struct json *json, const char *key)
{
	open_with(json, key, '{');
}

void
json_object_end(struct json *json)
{
	close_with(json, '}');
}

void
json_array(struct json *json, const char *key)
{
	open_with(json, key, '[');
}

void
json_array_end(struct json *json)
{
	close_with(json, ']');
}

void
json_bytes(struct json *json, const char *key, const void *value,
    size_t length)
{
	start(json, key);
	put_string(json->out, value, length);
}

void
json_string(struct json *json, const char *key, const char *value)
{
	json_bytes(json, key, value, strlen(value));
}

void
json_number(struct json *json, const char *key, uint64_t value)
{
	start(json, key);
	fprintf(json->out, "%" PRIu64, value);
}

void
json_signed(struct json *json, const char *key, int64_t value)
{
	start(json, key);
	fprintf(json->out, "%" PRId64, value);
}

void
json_seconds(struct json *json, const char *key, double value)
{
	start(json, key);
	fprintf(json->out, "%.6f", value);
}

void
json_bool(struct json *json, const char *key, bool value)
{
	start(json, key);
	fputs(value ? "true" : "false", json->out);
}

void
json_null(struct json *json, const char *key)
{
	start(json, key);
	fputs("null", json->out);
}
