/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_json.c - one JSON value, piece by piece.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/json.h"

/* What is written, in memory. */
struct output {
	struct json json;
	char *text;
	size_t size;
};

static void
start(struct output *output)
{
	memset(output, 0, sizeof(*output));
	output->json.out = open_memstream(&output->text, &output->size);
	assert_non_null(output->json.out);
}

static void
finish(struct output *output, const char *expected)
{
	assert_int_equal(fclose(output->json.out), 0);
	assert_string_equal(output->text, expected);
	free(output->text);
}

static void
test_values(void **state)
{
	struct output output;
	struct json *json = &output.json;

	(void)state;
	start(&output);
	json_object(json, NULL);
	json_string(json, "s", "x");
	json_number(json, "n", UINT64_MAX);
	json_signed(json, "i", INT64_MIN);
	json_seconds(json, "t", 1.5);
	json_bool(json, "yes", true);
	json_bool(json, "no", false);
	json_null(json, "z");
	json_object_end(json);
	finish(&output, "{\"s\": \"x\", \"n\": 18446744073709551615, "
	    "\"i\": -9223372036854775808, \"t\": 1.500000, \"yes\": true, "
	    "\"no\": false, \"z\": null}");
}

/* Commas stand between values and nowhere else. */
static void
test_nesting(void **state)
{
	struct output output;
	struct json *json = &output.json;

	(void)state;
	start(&output);
	json_object(json, NULL);
	json_array(json, "empty");
	json_array_end(json);
	json_array(json, "a");
	json_object(json, NULL);
	json_object_end(json);
	json_object(json, NULL);
	json_number(json, "x", 1);
	json_object_end(json);
	json_number(json, NULL, 2);
	json_string(json, NULL, "");
	json_array_end(json);
	json_object(json, "o");
	json_null(json, "z");
	json_object_end(json);
	json_object_end(json);
	finish(&output, "{\"empty\": [], \"a\": [{}, {\"x\": 1}, 2, \"\"], "
	    "\"o\": {\"z\": null}}");
}

static void
check_string(const void *bytes, size_t length, const char *expected)
{
	struct output output;

	start(&output);
	json_bytes(&output.json, NULL, bytes, length);
	finish(&output, expected);
}

static void
test_strings(void **state)
{
	(void)state;
	check_string("", 0, "\"\"");
	check_string("a\"b\\c/", 6, "\"a\\\"b\\\\c/\"");
	check_string("\0\n\x1f\x7f", 4, "\"\\u0000\\u000a\\u001f\\u007f\"");
	check_string("gr\xc3\xbcn", 5, "\"gr\xc3\xbcn\"");
	/* As surrogateescape of Python reads it. */
	check_string("a\xff", 2, "\"a\\udcff\"");
	check_string("\xe2\x82", 2, "\"\\udce2\\udc82\"");
	/* A surrogate in UTF-8 is not UTF-8. */
	check_string("\xed\xb3\xbf", 3, "\"\\udced\\udcb3\\udcbf\"");
}

static void
test_keys(void **state)
{
	struct output output;

	(void)state;
	start(&output);
	json_object(&output.json, NULL);
	json_bool(&output.json, "a\"b", true);
	json_object_end(&output.json);
	finish(&output, "{\"a\\\"b\": true}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
