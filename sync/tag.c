/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tag.c - the tag of the holds that belong to one source and one destination.
 */
#include "config.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/hash.h"
#include "stream-format/dialogue.h"
#include "sync/tag.h"

#define TAG_HOST 48		/* bytes of a host's name in a tag */

int
tag_make(const struct location *there, const char *directory,
    char tag[HOLD_TAG_MAX + 1], struct err *err)
{
	const char *host = there->host != NULL ? there->host : "";
	char here[TAG_HOST + 1] = "", *path = realpath(directory, NULL);
	char text[3 * PATH_MAX];
	int length;

	if (path == NULL)
		return err_sys(err, ERR_FAILED, "%s", directory);
	gethostname(here, TAG_HOST);
	for (char *c = here; *c != '\0'; c++)
		*c = *c == '/' ? '-' : *c;
	length = snprintf(text, sizeof(text), "%s:%s %s:%s", here, path, host,
	    there->path);
	free(path);
	if (length < 0 || (size_t)length >= sizeof(text))
		return err_set(err, ERR_USAGE, "%s: the path is too long",
		    there->path);
	snprintf(tag, HOLD_TAG_MAX + 1, DIALOGUE_TAG_PREFIX "%s.%016"
	    PRIx64, here,
	    hash64(0, text, (size_t)length, NULL, 0));
	return 0;
}
