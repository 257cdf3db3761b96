/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * words.c - the words of a command.
 */
#include "config.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sync/words.h"

#define BLANKS " \t\n"

/*
 * Copy one word from *text to out, without its quotes, and move *text behind
 * it.  Returns the end of what was written, NULL if a quote is left open.
 */
static char *
take_word(const char **text, char *out)
{
	const char *p = *text;
	char quote = '\0';

	for (; *p != '\0'; p++) {
		if (quote == '\0' && strchr(BLANKS, *p) != NULL)
			break;
		if (*p == quote) {
			quote = '\0';
		} else if (quote == '\0' && (*p == '\'' || *p == '"')) {
			quote = *p;
		} else if (*p == '\\' && p[1] != '\0' && (quote == '\0' ||
		    (quote == '"' && strchr("\"\\", p[1]) != NULL))) {
			*out++ = *++p;
		} else {
			*out++ = *p;
		}
	}
	*text = p;
	return quote == '\0' ? out : NULL;
}

int
words_split(const char *text, char ***words, struct err *err)
{
	/* Each word has at least one character and a blank behind it. */
	const size_t most = strlen(text) / 2 + 1;
	char **list = calloc(most + 1, sizeof(*list));
	char *bytes = malloc(strlen(text) + 1), *end;
	const char *p = text;
	size_t count = 0;

	/* The first word is where all of them are. */
	if (list == NULL || bytes == NULL) {
		free(list);
		free(bytes);
		return err_sys(err, ERR_FAILED, "%s", text);
	}
	list[0] = end = bytes;
	for (p += strspn(p, BLANKS); *p != '\0'; p += strspn(p, BLANKS)) {
		list[count] = end;
		end = take_word(&p, end);
		if (end == NULL)
			break;
		*end++ = '\0';
		count++;
	}
	if (end == NULL)
		err_set(err, ERR_USAGE, "%s: a quote is left open", text);
	else if (count == 0)
		err_set(err, ERR_USAGE, "the command is empty");
	if (end == NULL || count == 0) {
		free(bytes);
		free(list);
		return -ERR_USAGE;
	}
	*words = list;
	return 0;
}

void
words_free(char **words)
{
	if (words != NULL)
		free(words[0]);
	free(words);
}

static bool
is_plain(const char *word)
{
	return word[0] != '\0' && word[strspn(word,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	    "%+,-./:@_")] == '\0';
}

/* Append a word in quotes; each quote in it becomes '\''. */
static char *
put_quoted(char *out, const char *word)
{
	*out++ = '\'';
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			out = stpcpy(out, "'\\''");
		else
			*out++ = *word;
	}
	*out++ = '\'';
	return out;
}

char *
words_quote(char *const words[])
{
	size_t size = 1;
	char *line, *out;

	for (size_t i = 0; words[i] != NULL; i++)
		size += 4 * strlen(words[i]) + sizeof("'' ");
	line = out = malloc(size);
	if (line == NULL)
		return NULL;
	for (size_t i = 0; words[i] != NULL; i++) {
		if (i > 0)
			*out++ = ' ';
		if (is_plain(words[i]))
			out = stpcpy(out, words[i]);
		else
			out = put_quoted(out, words[i]);
	}
	*out = '\0';
	return line;
}
