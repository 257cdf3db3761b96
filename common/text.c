/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.c - names and sizes in a form fit for people.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/text.h"

size_t
text_utf8_length(const uint8_t *p, size_t length)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t need;
	uint32_t value;

	if (length == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if ((p[0] & 0xe0) == 0xc0)
		need = 2;
	else if ((p[0] & 0xf0) == 0xe0)
		need = 3;
	else if ((p[0] & 0xf8) == 0xf0)
		need = 4;
	else
		return 0;
	if (length < need)
		return 0;
	value = p[0] & (0x7fu >> need);
	for (size_t i = 1; i < need; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (p[i] & 0x3fu);
	}
	if (value < smallest[need] || value > 0x10ffff ||
	    (value >= 0xd800 && value < 0xe000))
		return 0;
	return need;
}

/* The escaped form of the character at p, in piece; returns bytes consumed. */
static size_t
escape_one(const uint8_t *p, size_t length, char piece[5])
{
	const size_t n = text_utf8_length(p, length);

	/* C1 control characters (U+0080 to U+009F) move terminals too. */
	if (n >= 2 && !(n == 2 && p[0] == 0xc2 && p[1] < 0xa0)) {
		memcpy(piece, p, n);
		piece[n] = '\0';
		return n;
	}
	if (*p == '\\')
		strcpy(piece, "\\\\");
	else if (*p == '\n')
		strcpy(piece, "\\n");
	else if (*p == '\t')
		strcpy(piece, "\\t");
	else if (*p >= 0x20 && *p < 0x7f)
		sprintf(piece, "%c", *p);
	else
		sprintf(piece, "\\x%02x", *p);
	return 1;
}

size_t
text_escape(char *out, size_t size, const void *bytes, size_t length)
{
	const uint8_t *p = bytes;
	size_t used = 0, done = 0;
	char piece[5];

	while (done < length) {
		const size_t n = escape_one(p + done, length - done, piece);
		const size_t piece_length = strlen(piece);

		if (used + piece_length >= size)
			break;
		memcpy(out + used, piece, piece_length);
		used += piece_length;
		done += n;
	}
	out[used] = '\0';
	return used;
}

int
text_parse_size(const char *text, uint64_t *size)
{
	static const char units[] = "KMGTPE";
	const char *unit;
	char *end;
	unsigned long long value;
	unsigned shift = 0;

	if (!isdigit((unsigned char)text[0]))
		return -1;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0)
		return -1;
	if (*end != '\0' && toupper((unsigned char)*end) != 'B') {
		unit = strchr(units, toupper((unsigned char)*end));
		if (unit == NULL)
			return -1;
		shift = 10 * (unsigned)(unit - units + 1);
		end++;
	}
	if (*end != '\0' && strcasecmp(end, "B") != 0 &&
	    strcasecmp(end, "iB") != 0)
		return -1;
	if (value > UINT64_MAX >> shift)
		return -1;
	*size = (uint64_t)value << shift;
	return 0;
}

char *
text_size(uint64_t size, char out[TEXT_SIZE_SIZE])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB",
	    "EiB" };
	double value = (double)size / 1024;
	size_t unit = 0;

	if (size < 1024) {
		snprintf(out, TEXT_SIZE_SIZE, "%u B", (unsigned)size);
		return out;
	}
	while (value >= 1023.95 && unit < 5) {
		value /= 1024;
		unit++;
	}
	snprintf(out, TEXT_SIZE_SIZE, "%.1f %s", value, units[unit]);
	return out;
}

char *
text_time(int64_t seconds, char out[TEXT_TIME_SIZE])
{
	const time_t time = (time_t)seconds;
	struct tm tm;

	if (gmtime_r(&time, &tm) != NULL && tm.tm_year >= -1900 &&
	    tm.tm_year < 10000 - 1900)
		strftime(out, TEXT_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
	else
		snprintf(out, TEXT_TIME_SIZE, "@%" PRId64, seconds);
	return out;
}
