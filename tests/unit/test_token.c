/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_token.c - a token is read back as it was written, and nothing else is.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "stream-format/token.h"

static struct token
sample(void)
{
	struct token token = { .offset = 0xfedcba9876543210 };

	memset(token.snapshot.bytes, 0xa1, UUID_SIZE);
	memset(token.base.bytes, 0xb2, UUID_SIZE);
	memset(token.stream.bytes, 0xc3, UUID_SIZE);
	token.stream.bytes[15] = 0;
	return token;
}

static void
assert_same(const struct token *a, const struct token *b)
{
	assert_true(uuid_equal(&a->snapshot, &b->snapshot));
	assert_true(uuid_equal(&a->base, &b->base));
	assert_true(uuid_equal(&a->stream, &b->stream));
	assert_true(a->offset == b->offset);
}

/* Its form never changes: a token of one version goes to another. */
static void
test_form(void **state)
{
	const struct token token = sample();
	char text[TOKEN_TEXT_SIZE];

	(void)state;
	assert_ptr_equal(token_format(&token, text), text);
	assert_int_equal(strlen(text), TOKEN_TEXT_SIZE - 1);
	text[TOKEN_TEXT_SIZE - 1 - 16] = '\0';
	assert_string_equal(text, "1-"
	    "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"
	    "b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2"
	    "c3c3c3c3c3c3c3c3c3c3c3c3c3c3c300"
	    "1032547698badcfe");
}

static void
test_round_trip(void **state)
{
	struct token token = sample(), back;
	char text[TOKEN_TEXT_SIZE];

	(void)state;
	for (int i = 0; i < 2; i++) {
		memset(&back, 0xff, sizeof(back));
		assert_int_equal(token_parse(token_format(&token, text),
		    &back), 0);
		assert_same(&token, &back);
		memset(&token.base, 0, sizeof(token.base));
		token.offset = 0;
	}
}

/* Whatever bit of whatever character is another one. */
static void
test_every_bit(void **state)
{
	const struct token token = sample();
	char text[TOKEN_TEXT_SIZE];
	struct token back;

	(void)state;
	token_format(&token, text);
	for (size_t bit = 0; bit < 8 * (TOKEN_TEXT_SIZE - 1); bit++) {
		text[bit / 8] ^= (char)(1u << bit % 8);
		if (token_parse(text, &back) != -1)
			fail_msg("bit %zu is not noticed", bit);
		text[bit / 8] ^= (char)(1u << bit % 8);
	}
	assert_int_equal(token_parse(text, &back), 0);
}

/* Cut anywhere, longer, or with two digits exchanged. */
static void
test_length(void **state)
{
	const struct token token = sample();
	char text[TOKEN_TEXT_SIZE + 1], part[TOKEN_TEXT_SIZE];
	struct token back;

	(void)state;
	token_format(&token, text);
	for (size_t n = 0; n < TOKEN_TEXT_SIZE - 1; n++) {
		memcpy(part, text, n);
		part[n] = '\0';
		assert_int_equal(token_parse(part, &back), -1);
	}
	strcpy(text + TOKEN_TEXT_SIZE - 1, "0");
	assert_int_equal(token_parse(text, &back), -1);
	text[TOKEN_TEXT_SIZE - 1] = '\0';
	text[2] = '1';
	text[3] = 'a';
	assert_int_equal(token_parse(text, &back), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_length),
	};

	return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
