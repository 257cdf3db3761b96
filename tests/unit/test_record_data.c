/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_record_data.c - DATA, ZERO, HOLE and META: limits of what they list.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/le.h"
#include "stream-format/compress.h"
#include "stream-format/record.h"
#include "tests/unit/stream_build.h"

#define DATA_PIECES 48		/* offset of the first piece in the payload */
#define META_FIXED 60		/* offset of the names */

struct fixture {
	struct record_space *space;
	uint8_t *payload;
	size_t length;
	uint8_t *bytes;		/* encoded bytes of DATA: zeros */
	struct record_range *many;	/* RECORD_PIECES_MAX + 1, adjacent */
	struct record record;
	struct err err;
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	f->space = record_space_new();
	f->payload = malloc(RECORD_PAYLOAD_MAX + 64);
	f->bytes = calloc(1, RECORD_PAYLOAD_MAX);
	f->many = calloc(RECORD_PIECES_MAX + 1, sizeof(f->many[0]));
	if (f->space == NULL || f->payload == NULL || f->bytes == NULL ||
	    f->many == NULL)
		return -1;
	for (uint32_t i = 0; i <= RECORD_PIECES_MAX; i++) {
		f->many[i].offset = i * 16;
		f->many[i].length = 16;
	}
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	record_space_free(f->space);
	free(f->payload);
	free(f->bytes);
	free(f->many);
	free(f);
	return 0;
}

static int
decode(struct fixture *f, enum record_type type)
{
	uint8_t *exact = malloc(f->length);
	int ret;

	assert_non_null(exact);
	memcpy(exact, f->payload, f->length);
	err_clear(&f->err);
	ret = record_decode(type, exact, f->length, f->space, &f->record,
	    &f->err);
	free(exact);
	return ret;
}

static void
encode(struct fixture *f, const struct record *record)
{
	err_clear(&f->err);
	assert_int_equal(record_encode(record, f->payload, RECORD_PAYLOAD_MAX,
	    &f->length, &f->err), 0);
	if (record->type == RECORD_DATA) {
		memcpy(f->payload + f->length, f->bytes,
		    record->u.data.encoded_length);
		f->length += record->u.data.encoded_length;
	}
}

static void
refused(struct fixture *f, const struct record *record, const char *word)
{
	encode(f, record);
	assert_int_equal(decode(f, record->type), -ERR_STREAM);
	if (strstr(f->err.text, word) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", word, f->err.text);
}

static void
accepted(struct fixture *f, const struct record *record)
{
	encode(f, record);
	if (decode(f, record->type) != 0)
		fail_msg("%s", f->err.text);
}

static void
test_data(void **state)
{
	static const struct record_range pieces[] = {
		{ 5, 3 }, { 8, 1 }, { INT64_MAX - 2, 2 }
	};
	static const struct record_range prefixes[] = { { INT64_MAX - 6, 6 },
		{ 0, RECORD_RAW_MAX - 6 } };
	struct fixture *f = *state;
	struct record record = build_data(pieces, f->bytes);
	const struct record_data *got = &f->record.u.data;

	record.u.data.piece_count = 3;
	record.u.data.raw_length = 6;
	record.u.data.encoded_length = 9;
	record.u.data.encoding = RECORD_ZSTD;
	record.u.data.prefix = RECORD_PREFIX_RANGES;
	record.u.data.prefix_count = 2;
	record.u.data.prefix_length = RECORD_RAW_MAX;
	record.u.data.prefix_ranges = prefixes;
	encode(f, &record);
	assert_int_equal(record_decode(RECORD_DATA, f->payload, f->length,
	    f->space, &f->record, &f->err), 0);
	assert_int_equal(got->encoding, RECORD_ZSTD);
	assert_int_equal(got->prefix, RECORD_PREFIX_RANGES);
	assert_int_equal(got->piece_count, 3);
	assert_int_equal(got->raw_length, 6);
	assert_int_equal(got->encoded_length, 9);
	assert_memory_equal(&got->hash, &record.u.data.hash,
	    sizeof(got->hash));
	assert_int_equal(got->prefix_count, 2);
	assert_int_equal(got->prefix_length, RECORD_RAW_MAX);
	assert_memory_equal(got->prefix_ranges, prefixes, sizeof(prefixes));
	assert_memory_equal(got->pieces, pieces, sizeof(pieces));
	assert_ptr_equal(got->data, f->payload + f->length - 9);
}

static void
test_data_fields(void **state)
{
	static const struct record_range piece = { 0, 64 };
	struct fixture *f = *state;
	const struct record good = build_data(&piece, f->bytes);
	struct record bad = good;

	accepted(f, &good);
	bad.u.data.file = 1;
	refused(f, &bad, "file number");
	bad = good;
	bad.u.data.encoding = 2;
	refused(f, &bad, "encoding 2");
	bad = good;
	bad.u.data.prefix = RECORD_PREFIX_SAME;
	refused(f, &bad, "do not take a prefix");
	bad.u.data.encoding = RECORD_ZSTD;
	accepted(f, &bad);
	bad.u.data.prefix = 4;
	refused(f, &bad, "kind of prefix");
	bad = good;
	bad.u.data.source = 256;
	refused(f, &bad, "source 256");
	bad = good;
	bad.u.data.encoded_length = 63;
	refused(f, &bad, "encoded length");
	bad = good;
	bad.u.data.raw_length = 63;
	bad.u.data.encoded_length = 63;
	refused(f, &bad, "the pieces have 64");
	bad = good;
	bad.u.data.raw_length = 0;
	bad.u.data.encoded_length = 0;
	refused(f, &bad, "raw length 0");
	bad = good;
	bad.u.data.encoding = RECORD_ZSTD;
	bad.u.data.encoded_length = (uint32_t)compress_bound(64);
	accepted(f, &bad);
	bad.u.data.encoded_length++;
	refused(f, &bad, "impossible");
	bad.u.data.encoded_length = 0;
	refused(f, &bad, "impossible");
}

static void
test_data_prefix(void **state)
{
	static const struct record_range piece = { 0, 64 };
	struct record_range range = { 0, 1 };
	struct fixture *f = *state;
	struct record good = build_data(&piece, f->bytes), bad;

	good.u.data.encoding = RECORD_ZSTD;
	good.u.data.prefix_ranges = &range;
	for (uint8_t prefix = 0; prefix < 4; prefix++) {
		bad = good;
		bad.u.data.prefix = prefix % 2;
		bad.u.data.prefix_count = prefix / 2;
		bad.u.data.prefix_length = 1;
		refused(f, &bad, "not used");
	}
	for (uint8_t prefix = 2; prefix < 4; prefix++) {
		const uint32_t most = RECORD_RAW_MAX - (prefix == 3 ? 64 : 0);

		good.u.data.prefix = prefix;
		good.u.data.prefix_count = 0;
		refused(f, &good, "number of prefix ranges 0");
		good.u.data.prefix_count = 1;
		range = (struct record_range){ INT64_MAX - most, most };
		good.u.data.prefix_length = most;
		accepted(f, &good);
		range.offset++;
		refused(f, &good, "too far");
		range = (struct record_range){ 0, ++good.u.data.prefix_length };
		refused(f, &good, "is longer than");
	}
}

/* As many ranges as there may be, and one more. */
static void
test_data_prefix_ranges(void **state)
{
	static const struct record_range piece = { 0, 64 };
	static struct record_range ranges[RECORD_PREFIX_RANGES_MAX + 1];
	struct fixture *f = *state;
	struct record record = build_data(&piece, f->bytes);

	for (size_t i = 0; i <= RECORD_PREFIX_RANGES_MAX; i++)
		ranges[i] = (struct record_range){ 100 - i % 3, 2 };
	record.u.data.encoding = RECORD_ZSTD;
	record.u.data.prefix = RECORD_PREFIX_BOTH;
	record.u.data.prefix_ranges = ranges;
	record.u.data.prefix_count = RECORD_PREFIX_RANGES_MAX;
	record.u.data.prefix_length = 2 * RECORD_PREFIX_RANGES_MAX + 1;
	refused(f, &record, "the prefix ranges have");
	record.u.data.prefix_length--;
	accepted(f, &record);
	record.u.data.prefix_count++;
	refused(f, &record, "number of prefix ranges 1025");
}

static void
test_data_pieces(void **state)
{
	static const struct record_range bad[][2] = {
		{ { 0, 0 }, { 0, 8 } },			/* empty */
		{ { 0, 4 }, { 3, 4 } },			/* overlap */
		{ { 8, 4 }, { 0, 4 } },			/* descend */
		{ { 0, 4 }, { INT64_MAX - 3, 4 } },	/* too far */
		{ { 0, 4 }, { UINT64_MAX - 3, 4 } },	/* wraps */
	};
	struct fixture *f = *state;
	struct record record;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		record = build_data(bad[i], f->bytes);
		record.u.data.piece_count = 2;
		record.u.data.raw_length = 8;
		record.u.data.encoded_length = 8;
		refused(f, &record, i == 1 || i == 2 ? "begins before" :
		    "empty or too far");
	}
	record = build_data(f->many, f->bytes);
	record.u.data.piece_count = RECORD_PIECES_MAX;
	record.u.data.raw_length = RECORD_RAW_MAX;
	record.u.data.encoded_length = RECORD_RAW_MAX;
	accepted(f, &record);
	le32_put(f->payload + 8, RECORD_PIECES_MAX + 1);
	assert_int_equal(decode(f, RECORD_DATA), -ERR_STREAM);
	assert_non_null(strstr(f->err.text, "number of pieces"));
	le32_put(f->payload + 8, 0);
	assert_int_equal(decode(f, RECORD_DATA), -ERR_STREAM);
	assert_non_null(strstr(f->err.text, "number of pieces"));
	record.u.data.raw_length = RECORD_RAW_MAX + 1;
	record.u.data.encoded_length = RECORD_RAW_MAX + 1;
	refused(f, &record, "raw length");
	/* A piece whose length alone is above the limit of the sum. */
	record = build_data(f->many, f->bytes);
	encode(f, &record);
	le32_put(f->payload + DATA_PIECES + 8, UINT32_MAX);
	assert_int_equal(decode(f, RECORD_DATA), -ERR_STREAM);
}

static void
test_ranges(void **state)
{
	static const struct record_range bad[][2] = {
		{ { 0, 0 }, { 0, 8 } },
		{ { 0, 4 }, { 3, 4 } },
		{ { 8, 4 }, { 0, 4 } },
		{ { 0, 4 }, { INT64_MAX, 1 } },
		{ { 0, 4 }, { 8, UINT64_MAX - 7 } },
	};
	struct fixture *f = *state;
	struct record record;

	for (int type = RECORD_ZERO; type <= RECORD_HOLE; type++) {
		memset(&record, 0, sizeof(record));
		record.type = (enum record_type)type;
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			record.u.zero.count = 2;
			record.u.zero.ranges = bad[i];
			refused(f, &record, i == 1 || i == 2 ?
			    "begins before" : "empty or too far");
		}
		record.u.zero.ranges = f->many;
		record.u.zero.count = RECORD_PIECES_MAX;
		accepted(f, &record);
		assert_int_equal(f->record.u.zero.count, RECORD_PIECES_MAX);
		assert_memory_equal(f->record.u.zero.ranges, f->many,
		    RECORD_PIECES_MAX * sizeof(f->many[0]));
		record.u.zero.count++;
		refused(f, &record, "number of ranges");
		record.u.zero.count = 0;
		refused(f, &record, "number of ranges");
		record.u.zero.count = 1;
		record.u.zero.file = 9;
		refused(f, &record, "file number");
	}
}

static void
test_meta(void **state)
{
	uint8_t value[] = { 'x', '\0', 'y' };
	struct metadata_xattr xattrs[] = {
		{ (char *)(uintptr_t)"user.a", value, 3 },
		{ (char *)(uintptr_t)"user.refsend", NULL, 0 },
	};
	struct fixture *f = *state;
	struct record record = build_meta();
	const struct metadata *got = &f->record.u.meta.metadata;

	record.u.meta.metadata.xattr_count = 2;
	record.u.meta.metadata.xattrs = xattrs;
	memset(record.u.meta.metadata.group, 'g', METADATA_NAME_MAX - 1);
	accepted(f, &record);
	assert_int_equal(got->mode, 04755);
	assert_int_equal(got->uid, 1000);
	assert_true(got->gid == 4294967294u);
	assert_string_equal(got->user, "ann");
	assert_int_equal(strlen(got->group), METADATA_NAME_MAX - 1);
	assert_true(got->atime.tv_sec == 1 && got->atime.tv_nsec == 2);
	assert_true(got->mtime.tv_sec == -5 && got->mtime.tv_nsec == 1);
	assert_true(got->btime.tv_sec == 0);
	assert_int_equal(got->xattr_count, 2);
	assert_string_equal(got->xattrs[0].name, "user.a");
	assert_int_equal(got->xattrs[0].length, 3);
	assert_memory_equal(got->xattrs[0].value, "x\0y", 3);
	assert_string_equal(got->xattrs[1].name, "user.refsend");
	assert_int_equal(got->xattrs[1].length, 0);
	assert_null(got->xattrs[1].value);
}

static void
test_meta_fields(void **state)
{
	struct fixture *f = *state;
	const struct record good = build_meta();
	struct record bad = good;

	bad.u.meta.file = 1;
	refused(f, &bad, "file number");
	bad = good;
	bad.u.meta.metadata.mode = 0100644;
	refused(f, &bad, "mode");
	bad = good;
	bad.u.meta.metadata.atime.tv_nsec = 1000000000;
	refused(f, &bad, "time");
	bad = good;
	bad.u.meta.metadata.mtime.tv_nsec = 1000000000;
	refused(f, &bad, "time");
	bad = good;
	bad.u.meta.metadata.btime.tv_nsec = 1000000000;
	refused(f, &bad, "time");
	encode(f, &good);
	f->payload[META_FIXED - 8] = 1;
	assert_int_equal(decode(f, RECORD_META), -ERR_STREAM);
	assert_non_null(strstr(f->err.text, "reserved"));
	encode(f, &good);
	f->payload[META_FIXED + 3] = '\0';
	assert_int_equal(decode(f, RECORD_META), -ERR_STREAM);
	assert_non_null(strstr(f->err.text, "NUL"));
	encode(f, &good);
	le16_put(f->payload + META_FIXED, 256);
	memset(f->payload + META_FIXED + 2, 'u', 300);
	f->length += 300;
	assert_int_equal(decode(f, RECORD_META), -ERR_STREAM);
	assert_non_null(strstr(f->err.text, "too long"));
}

/* META with these attributes. */
static struct record
meta_with(struct metadata_xattr *xattrs, size_t count)
{
	struct record record = build_meta();

	record.u.meta.metadata.xattrs = xattrs;
	record.u.meta.metadata.xattr_count = count;
	return record;
}

static void
test_attributes(void **state)
{
	char name[300];
	struct fixture *f = *state;
	struct metadata_xattr two[] = { { name, NULL, 0 }, { name, NULL, 0 } };
	struct record record = meta_with(two, 1);

	name[0] = '\0';
	refused(f, &record, "no legal name");
	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	accepted(f, &record);
	name[255] = 'n';
	name[256] = '\0';
	refused(f, &record, "no legal name");
	strcpy(name, "user.refsend.");
	refused(f, &record, "must not carry");
	strcpy(name, "user.refsend.id");
	refused(f, &record, "must not carry");
	strcpy(name, "user.x");
	record = meta_with(two, 2);
	refused(f, &record, "name of attribute 0");
	record = meta_with(two, 1);
	encode(f, &record);
	f->payload[f->length - 6] = '\0';
	assert_int_equal(decode(f, RECORD_META), -ERR_STREAM);
	assert_non_null(strstr(f->err.text, "no legal name"));
	two[0].value = f->bytes;
	two[0].length = METADATA_XATTR_VALUE_MAX;
	accepted(f, &record);
	two[0].length++;
	refused(f, &record, "bytes, more than");
}

static void
test_many_attributes(void **state)
{
	static char names[METADATA_XATTRS_MAX + 1][8];
	static struct metadata_xattr xattrs[METADATA_XATTRS_MAX + 1];
	struct fixture *f = *state;
	struct record record;

	for (size_t i = 0; i <= METADATA_XATTRS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "u.%zu", i);
		xattrs[i].name = names[i];
		xattrs[i].value = f->bytes;
		xattrs[i].length = 2000;
	}
	record = meta_with(xattrs, METADATA_XATTRS_MAX);
	accepted(f, &record);
	assert_string_equal(
	    f->record.u.meta.metadata.xattrs[METADATA_XATTRS_MAX - 1].name,
	    "u.1023");
	le32_put(f->payload + META_FIXED - 4, METADATA_XATTRS_MAX + 1);
	assert_int_equal(decode(f, RECORD_META), -ERR_STREAM);
	assert_non_null(strstr(f->err.text, "attributes are more than"));
	/* What does not fit is not encoded. */
	record = meta_with(xattrs, METADATA_XATTRS_MAX + 1);
	assert_int_equal(record_encode(&record, f->payload, RECORD_PAYLOAD_MAX,
	    &f->length, &f->err), -ERR_FAILED);
	xattrs[0].length = METADATA_XATTR_VALUE_MAX;
	xattrs[1].length = METADATA_XATTR_VALUE_MAX;
	record = meta_with(xattrs, METADATA_XATTRS_MAX);
	err_clear(&f->err);
	assert_int_equal(record_encode(&record, f->payload, RECORD_PAYLOAD_MAX,
	    &f->length, &f->err), -ERR_FAILED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_data_fields),
		cmocka_unit_test(test_data_prefix),
		cmocka_unit_test(test_data_prefix_ranges),
		cmocka_unit_test(test_data_pieces),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_meta),
		cmocka_unit_test(test_meta_fields),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_many_attributes),
	};

	return cmocka_run_group_tests_name("record_data", tests, set_up,
	    tear_down);
}
