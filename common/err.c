/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * err.c - describe a failure once, where it is first seen.
 */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"

int
err_set(struct err *err, enum err_code code, const char *format, ...)
{
	va_list ap;

	if (err->code != ERR_NONE)
		return -(int)code;
	err->code = code;
	va_start(ap, format);
	vsnprintf(err->text, sizeof(err->text), format, ap);
	va_end(ap);
	return -(int)code;
}

/*
 * Lack of space is one thing wherever it is met: a lack that may end, unlike
 * other failures, without anybody repairing something.
 */
static bool
is_lack_of_space(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

int
err_sys(struct err *err, enum err_code code, const char *format, ...)
{
	const int saved = errno;
	va_list ap;
	size_t used;

	if (code == ERR_FAILED && is_lack_of_space(saved))
		code = ERR_UNABLE;
	if (err->code != ERR_NONE)
		return -(int)code;
	err->code = code;
	va_start(ap, format);
	vsnprintf(err->text, sizeof(err->text), format, ap);
	va_end(ap);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s",
	    strerror(saved));
	errno = saved;
	return -(int)code;
}

int
err_never_silent(struct err *err, int rc)
{
	if (rc != 0 && err->code == ERR_NONE)
		err_set(err, ERR_FAILED, "it failed, and nothing tells why: "
		    "this is an error in the program; please report it");
	return rc;
}

void
err_clear(struct err *err)
{
	err->code = ERR_NONE;
	err->text[0] = '\0';
}
