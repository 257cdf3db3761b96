/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_words.c - commands taken apart and put together, and the ProxyCommand of
 * ssh_config(5).
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sync/reach.h"
#include "sync/words.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* All words, each in angle brackets. */
static void
join(char **words, char *out)
{
	*out = '\0';
	for (; *words != NULL; words++)
		out += sprintf(out, "<%s>", *words);
}

static void
test_split(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "ssh", "<ssh>" },
		{ "ssh -p 2222", "<ssh><-p><2222>" },
		{ "  ssh \t\n -p  2222 ", "<ssh><-p><2222>" },
		{ "a b c d e f", "<a><b><c><d><e><f>" },
		{ "ssh -o 'User me'", "<ssh><-o><User me>" },
		{ "ssh -o'User me'x", "<ssh><-oUser mex>" },
		{ "ssh -o \"User me\"", "<ssh><-o><User me>" },
		{ "'a\"b' \"a'b\"", "<a\"b><a'b>" },
		{ "'' \"\"", "<><>" },
		{ "''", "<>" },
		{ "a\\ b \\\\ \\' \\\"", "<a b><\\><'><\">" },
		{ "\"a\\\"b\\\\c\\d$HOME\"", "<a\"b\\c\\d$HOME>" },
		{ "'a\\b' $HOME `id` *", "<a\\b><$HOME><`id`><*>" },
		{ "a\\", "<a\\>" },
	};
	static const char *const bad[] = { "", " \t", "'", "ssh 'a",
	    "ssh \"a", "ssh 'a\"", "\"a\\\"" };
	struct err err = ERR_INIT;
	char out[256], **words;

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		assert_int_equal(words_split(cases[i].text, &words, &err), 0);
		join(words, out);
		assert_string_equal(out, cases[i].words);
		words_free(words);
	}
	for (size_t i = 0; i < LENGTH(bad); i++) {
		err_clear(&err);
		assert_int_equal(words_split(bad[i], &words, &err),
		    -ERR_USAGE);
	}
	words_free(NULL);
}

static void
check_quote(char *const words[], const char *expected)
{
	char *line = words_quote(words);

	assert_string_equal(line, expected);
	free(line);
}

static void
test_quote(void **state)
{
	(void)state;
	check_quote((char *[]){ "refrecv", "--serve", "/a/b_c-d.e,f:g@h%i+j",
	    NULL }, "refrecv --serve /a/b_c-d.e,f:g@h%i+j");
	check_quote((char *[]){ "", NULL }, "''");
	check_quote((char *[]){ "a b", "it's", "''", NULL },
	    "'a b' 'it'\\''s' ''\\'''\\'''");
	check_quote((char *[]){ "$x", "`", "*", "~", "a=b", "\n", "\\", "!",
	    "\xff", NULL },
	    "'$x' '`' '*' '~' 'a=b' '\n' '\\' '!' '\xff'");
}

/* What was put together comes apart as it was. */
static void
test_both(void **state)
{
	static const char letters[] = "ab '\"\\\n\t$";
	char words[4][8], *list[5], **again, *line;
	struct err err = ERR_INIT;

	(void)state;
	srandom(1);
	for (int round = 0; round < 20000; round++) {
		const size_t count = (size_t)random() % 4 + 1;

		for (size_t i = 0; i < count; i++) {
			const size_t length = (size_t)random() % 8;

			for (size_t k = 0; k < length; k++)
				words[i][k] = letters[(size_t)random() %
				    (sizeof(letters) - 1)];
			words[i][length] = '\0';
			list[i] = words[i];
		}
		list[count] = NULL;
		line = words_quote(list);
		assert_int_equal(words_split(line, &again, &err), 0);
		for (size_t i = 0; i < count; i++)
			assert_string_equal(again[i], words[i]);
		assert_null(again[count]);
		words_free(again);
		free(line);
	}
}

static void
test_expand(void **state)
{
	static const struct {
		const char *command, *expanded;
	} cases[] = {
		{ "nc %h %p", "exec nc 10.0.0.1 2222" },
		{ "exec nc '%h'", "exec nc '10.0.0.1'" },
		{ "x %n %r %%h%%", "exec x alias me %h%" },
		{ "", "exec " },
	};
	static const char *const bad[] = { "%", "x %", "x %z", "%%%" };
	struct reach_target target = { .host = "10.0.0.1", .port = 2222,
	    .original = "alias", .user = "me" };
	struct err err = ERR_INIT;
	char *expanded;

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		target.command = cases[i].command;
		assert_int_equal(reach_expand(&target, &expanded, &err), 0);
		assert_string_equal(expanded, cases[i].expanded);
		free(expanded);
	}
	for (size_t i = 0; i < LENGTH(bad); i++) {
		target.command = bad[i];
		err_clear(&err);
		assert_int_equal(reach_expand(&target, &expanded, &err),
		    -ERR_FAILED);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_expand),
	};

	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
