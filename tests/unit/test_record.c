/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_record.c - payloads: what comes back, and what is refused.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/le.h"
#include "stream-format/record.h"
#include "tests/unit/stream_build.h"

/* Offsets of fields in the payload of BEGIN, see refstream(5). */
#define BEGIN_CREATED_NS 104
#define BEGIN_MTIME_NS 116
#define BEGIN_BASE_DIGEST 136
#define BEGIN_RESULT_DIGEST 176
#define BEGIN_STRINGS 216

struct fixture {
	struct record_space *space;
	uint8_t *payload;	/* of the record encoded last */
	size_t length;
	struct record record;	/* decoded last */
	struct err err;
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	f->space = record_space_new();
	f->payload = malloc(RECORD_PAYLOAD_MAX + 1);
	*state = f;
	return f->space != NULL && f->payload != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	record_space_free(f->space);
	free(f->payload);
	free(f);
	return 0;
}

static void
encode(struct fixture *f, const struct record *record)
{
	err_clear(&f->err);
	assert_int_equal(record_encode(record, f->payload, RECORD_PAYLOAD_MAX,
	    &f->length, &f->err), 0);
	if (record->type == RECORD_DATA) {
		memcpy(f->payload + f->length, record->u.data.data,
		    record->u.data.encoded_length);
		f->length += record->u.data.encoded_length;
	}
}

/* Decode from a buffer without a byte more, so that a sanitizer watches. */
static int
decode(struct fixture *f, enum record_type type, size_t length)
{
	uint8_t *exact = malloc(length);
	int ret;

	assert_true(exact != NULL || length == 0);
	if (length > 0)
		memcpy(exact, f->payload, length);
	err_clear(&f->err);
	ret = record_decode(type, exact, length, f->space, &f->record,
	    &f->err);
	free(exact);
	return ret;
}

static void
payload_refused(struct fixture *f, enum record_type type, const char *word)
{
	assert_int_equal(decode(f, type, f->length), -ERR_STREAM);
	if (strstr(f->err.text, word) == NULL ||
	    strstr(f->err.text, record_type_name(type)) != f->err.text)
		fail_msg("\"%s\" is not in \"%s\"", word, f->err.text);
}

static void
refused(struct fixture *f, const struct record *record, const char *word)
{
	encode(f, record);
	payload_refused(f, record->type, word);
}

static void
accepted(struct fixture *f, const struct record *record)
{
	encode(f, record);
	if (decode(f, record->type, f->length) != 0)
		fail_msg("%s", f->err.text);
	assert_int_equal(f->record.type, record->type);
}

/* Any payload that is cut, or goes on, is refused. */
static void
test_exact_length(void **state)
{
	static const struct record_range ranges[2] = { { 0, 3 }, { 3, 2 } };
	struct metadata_xattr xattr = {
		.name = (char *)(uintptr_t)"user.a", .length = 0
	};
	struct record records[8] = {
		build_begin(), build_meta(), build_end(),
		build_data(ranges, "abcde"),
		{ .type = RECORD_ZERO }, { .type = RECORD_CLONE },
		{ .type = RECORD_CHECKPOINT }, { .type = RECORD_RESUME },
	};
	struct fixture *f = *state;

	records[1].u.meta.metadata.xattr_count = 1;
	records[1].u.meta.metadata.xattrs = &xattr;
	records[3].u.data.piece_count = 2;
	records[3].u.data.raw_length = 5;
	records[3].u.data.encoded_length = 5;
	records[4].u.zero.count = 2;
	records[4].u.zero.ranges = ranges;
	records[5].u.clone.length = 1;
	records[7].u.resume.stream.bytes[0] = 1;
	for (size_t i = 0; i < 8; i++) {
		accepted(f, &records[i]);
		for (size_t n = 0; n < f->length; n++)
			assert_int_equal(decode(f, records[i].type, n),
			    -ERR_STREAM);
		f->payload[f->length++] = 0;
		payload_refused(f, records[i].type, "longer");
	}
	f->length = RECORD_PAYLOAD_MAX + 1;
	payload_refused(f, RECORD_DIGEST, "too long");
}

static void
test_begin(void **state)
{
	struct fixture *f = *state;
	struct record record = build_begin();
	const struct record_begin *got = &f->record.u.begin;

	build_based(&record.u.begin);
	accepted(f, &record);
	assert_memory_equal(got->snapshot.bytes, record.u.begin.snapshot.bytes,
	    UUID_SIZE);
	assert_memory_equal(got->base.bytes, record.u.begin.base.bytes,
	    UUID_SIZE);
	assert_true(got->cut == 3 && got->size == BUILD_SIZE);
	assert_true(got->base_size == 1000);
	assert_true(got->created.tv_sec == 1700000000);
	assert_true(got->created.tv_nsec == 999999999);
	assert_true(got->mtime.tv_sec == -5 && got->mtime.tv_nsec == 1);
	assert_true(got->block_size == 4096);
	assert_true(got->source_type == 0x58465342);
	assert_int_equal(got->base_digest.value[0], 0xb0);
	assert_int_equal(got->result_digest.algorithm, DIGEST_XXH3_128);
	assert_string_equal(got->origin, "disk.img");
	assert_string_equal(got->name, "monday");
	assert_string_equal(got->base_name, "sunday");
	/* The largest size, any name of 255 bytes, an empty base. */
	record.u.begin.size = INT64_MAX;
	record.u.begin.base_size = 0;
	memset(record.u.begin.base_name, 0xff, RECORD_NAME_MAX);
	memset(record.u.begin.name, 'n', RECORD_NAME_MAX - 9);
	accepted(f, &record);
	record.u.begin.flags = RECORD_BEGIN_PLAIN;
	record.u.begin.origin[0] = '\0';
	memset(record.u.begin.name, 'n', RECORD_NAME_MAX);
	accepted(f, &record);
	assert_int_equal(strlen(got->name), RECORD_NAME_MAX);
}

static void
test_begin_fields(void **state)
{
	struct fixture *f = *state;
	const struct record good = build_begin();
	struct record bad = good;

	memset(&bad.u.begin.snapshot, 0, sizeof(bad.u.begin.snapshot));
	refused(f, &bad, "no id");
	bad = good;
	build_based(&bad.u.begin);
	bad.u.begin.base = bad.u.begin.snapshot;
	refused(f, &bad, "its own base");
	bad = good;
	bad.u.begin.size = (uint64_t)INT64_MAX + 1;
	refused(f, &bad, "impossible");
	bad = good;
	build_based(&bad.u.begin);
	bad.u.begin.base_size = UINT64_MAX;
	refused(f, &bad, "impossible");
	bad = good;
	bad.u.begin.base_size = 1;
	refused(f, &bad, "without a base");
	bad = good;
	bad.u.begin.base_digest = bad.u.begin.result_digest;
	refused(f, &bad, "without a base");
	bad = good;
	bad.u.begin.created.tv_nsec = 1000000000;
	refused(f, &bad, "time");
	bad = good;
	bad.u.begin.mtime.tv_nsec = 4294967295;
	refused(f, &bad, "time");
	for (uint32_t files = 0; files <= 2; files += 2) {
		bad = good;
		bad.u.begin.files = files;
		refused(f, &bad, "number of files");
	}
	for (unsigned bit = 1; bit < 32; bit++) {
		bad = good;
		bad.u.begin.flags = 1u << bit;
		refused(f, &bad, "flag");
	}
}

static void
test_begin_names(void **state)
{
	static const char *const unsafe[] = { ".", "..", "a/b", "/", "/a", "a/",
	    "../../etc/passwd", ".snapshot" };
	struct fixture *f = *state;
	struct record based = build_begin(), plain = build_begin(), bad;

	build_based(&based.u.begin);
	plain.u.begin.flags = RECORD_BEGIN_PLAIN;
	plain.u.begin.origin[0] = '\0';
	for (size_t i = 0; i < sizeof(unsafe) / sizeof(unsafe[0]); i++) {
		bad = based;
		snprintf(bad.u.begin.name, 256, "%s", unsafe[i]);
		refused(f, &bad, "name of the snapshot is not safe");
		bad = plain;
		snprintf(bad.u.begin.name, 256, "%s", unsafe[i]);
		refused(f, &bad, "name of the snapshot is not safe");
		bad = based;
		snprintf(bad.u.begin.origin, 256, "%s", unsafe[i]);
		refused(f, &bad, "name of the origin is not safe");
		bad = based;
		snprintf(bad.u.begin.base_name, 256, "%s", unsafe[i]);
		if (strcmp(unsafe[i], ".snapshot") == 0)
			accepted(f, &bad);
		else
			refused(f, &bad, "name of the base is not safe");
	}
	bad = plain;
	bad.u.begin.name[0] = '\0';
	refused(f, &bad, "name of the snapshot is not safe");
	bad = based;
	bad.u.begin.origin[0] = '\0';
	refused(f, &bad, "origin is missing");
	bad = plain;
	bad.u.begin.origin[0] = 'x';
	refused(f, &bad, "has an origin");
	bad = based;
	bad.u.begin.base_name[0] = '\0';
	refused(f, &bad, "name of the base is missing");
	bad = plain;
	bad.u.begin.base_name[0] = 'x';
	refused(f, &bad, "has no id");
	bad = based;		/* disk.img, a dot, one byte too many */
	memset(bad.u.begin.name, 'n', RECORD_NAME_MAX - 8);
	refused(f, &bad, "together");
	plain.u.begin.name[0] = '.';
	plain.u.begin.name[1] = 'x';
	accepted(f, &plain);
}

/* What a char array cannot hold: NUL within a name, more than 255 bytes. */
static void
test_begin_strings(void **state)
{
	struct fixture *f = *state;
	const struct record begin = build_begin();

	for (size_t string = 0; string < 3; string++) {
		uint8_t *p;

		for (size_t length = 255; length <= 256; length++) {
			encode(f, &begin);
			p = f->payload + BEGIN_STRINGS;
			for (size_t i = 0; i < 3; i++) {
				const size_t n = i == string ? length : 1;

				le16_put(p, (uint16_t)n);
				memset(p + 2, 'x', n);
				p += 2 + n;
			}
			f->length = (size_t)(p - f->payload);
			payload_refused(f, RECORD_BEGIN, length == 256 ?
			    "longer than" : string == 2 ? "has no id" :
			    "together");
		}
	}
	encode(f, &begin);
	f->payload[BEGIN_STRINGS + 2 + 3] = '\0';
	payload_refused(f, RECORD_BEGIN, "NUL");
}

static void
test_digests(void **state)
{
	static const size_t places[] = {
		BEGIN_BASE_DIGEST, BEGIN_RESULT_DIGEST
	};
	struct fixture *f = *state;
	struct record begin = build_begin();

	build_based(&begin.u.begin);
	for (size_t i = 0; i < 2; i++) {
		uint8_t *p = f->payload + places[i];

		encode(f, &begin);
		p[2] = 1;			/* reserved */
		payload_refused(f, RECORD_BEGIN, "digest");
		encode(f, &begin);
		le32_put(p + 4, 4096);		/* block size of algorithm 1 */
		payload_refused(f, RECORD_BEGIN, "digest");
		encode(f, &begin);
		p[8 + 16] = 1;			/* behind the 16 bytes */
		payload_refused(f, RECORD_BEGIN, "digest");
		encode(f, &begin);
		memset(p, 0, 40);
		assert_int_equal(decode(f, RECORD_BEGIN, f->length), 0);
		p[4] = 1;			/* none has no block size */
		payload_refused(f, RECORD_BEGIN, "digest");
		p[4] = 0;
		p[39] = 1;			/* nor a value */
		payload_refused(f, RECORD_BEGIN, "digest");
		memset(p, 0xff, 40);		/* not known: anything goes */
		le16_put(p + 2, 0);
		assert_int_equal(decode(f, RECORD_BEGIN, f->length), 0);
		p[3] = 1;
		payload_refused(f, RECORD_BEGIN, "digest");
	}
}

static void
test_end(void **state)
{
	struct fixture *f = *state;
	struct record record = build_end();
	const struct record_end *got = &f->record.u.end;

	record.u.end.records = 1;
	record.u.end.data = UINT64_MAX;
	record.u.end.zeros = 3;
	record.u.end.holes = 4;
	record.u.end.hash.bytes[15] = 9;
	accepted(f, &record);
	assert_true(got->records == 1 && got->data == UINT64_MAX);
	assert_true(got->zeros == 3 && got->holes == 4 && got->last);
	assert_int_equal(got->hash.bytes[15], 9);
	assert_int_equal(got->result_digest.value[15], 0xee);
	f->payload[f->length - 8] = 2;
	payload_refused(f, RECORD_END, "last");
	f->payload[f->length - 8] = 0;
	assert_int_equal(decode(f, RECORD_END, f->length), 0);
	assert_false(got->last);
	f->payload[f->length - 1] = 1;
	payload_refused(f, RECORD_END, "reserved");
	encode(f, &record);
	f->payload[48 + 2] = 1;
	payload_refused(f, RECORD_END, "digest");
}

static void
test_small_records(void **state)
{
	struct fixture *f = *state;
	struct record record = { .type = RECORD_CHECKPOINT };

	record.u.checkpoint.offset = 5;
	record.u.checkpoint.wire = 1ull << 40;
	accepted(f, &record);
	assert_true(f->record.u.checkpoint.offset == 5);
	assert_true(f->record.u.checkpoint.wire == 1ull << 40);
	f->payload[4] = 1;
	payload_refused(f, RECORD_CHECKPOINT, "reserved");
	record.u.checkpoint.file = 1;
	refused(f, &record, "file number");

	memset(&record, 0, sizeof(record));
	record.type = RECORD_RESUME;
	record.u.resume.snapshot.bytes[15] = 1;
	refused(f, &record, "nil");
	record.u.resume.stream.bytes[0] = 2;
	record.u.resume.offset = INT64_MAX;
	accepted(f, &record);
	assert_true(f->record.u.resume.offset == INT64_MAX);
	assert_int_equal(f->record.u.resume.stream.bytes[0], 2);
	assert_int_equal(f->record.u.resume.snapshot.bytes[15], 1);
	f->payload[36] = 1;
	payload_refused(f, RECORD_RESUME, "reserved");
	record.u.resume.offset++;
	refused(f, &record, "offset");

	memset(&record, 0, sizeof(record));
	record.type = RECORD_CLONE;
	refused(f, &record, "empty");
	record.u.clone.length = 2;
	record.u.clone.offset = INT64_MAX - 2;
	accepted(f, &record);
	record.u.clone.offset++;
	refused(f, &record, "too far");
	record.u.clone.offset = 0;
	record.u.clone.source_offset = UINT64_MAX - 1;
	refused(f, &record, "too far");
	record.u.clone.source_offset = 0;
	record.u.clone.source = 1;
	refused(f, &record, "file number");
}

static void
test_names(void **state)
{
	uint8_t name[256];

	(void)state;
	assert_string_equal(record_type_name(RECORD_BEGIN), "BEGIN");
	assert_string_equal(record_type_name(RECORD_END), "END");
	assert_string_equal(record_type_name(0), "unknown");
	assert_string_equal(record_type_name(11), "unknown");
	assert_string_equal(record_type_name(UINT32_MAX), "unknown");
	memset(name, 'a', sizeof(name));
	assert_true(record_name_safe(name, 255));
	assert_false(record_name_safe(name, 256));
	assert_false(record_name_safe(name, 0));
	assert_true(record_name_safe((const uint8_t *)"...", 3));
	assert_true(record_name_safe((const uint8_t *)"..x", 3));
	assert_true(record_name_safe((const uint8_t *)".x", 2));
	assert_false(record_name_safe((const uint8_t *)"a\0b", 3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact_length),
		cmocka_unit_test(test_begin),
		cmocka_unit_test(test_begin_fields),
		cmocka_unit_test(test_begin_names),
		cmocka_unit_test(test_begin_strings),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_small_records),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("record", tests, set_up,
	    tear_down);
}
