/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * err.h - how functions report failure.
 *
 * A function that can fail returns 0, or a negative code below, and describes
 * the failure in the struct err that it was given as its last parameter.
 * Positive results exist only where a contract names them.  The first failure
 * is the one that is told: err_set() does not overwrite an error that is
 * already set.  Nothing below main() prints or exits.
 */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

/*
 * Why something failed.  The numbers are the exit codes of the tools, promised
 * in the man pages: they never change.
 */
enum err_code {
	ERR_NONE = 0,
	ERR_FAILED = 1,		/* an operation of the system failed */
	ERR_USAGE = 2,		/* the command line makes no sense */
	ERR_STREAM = 3,		/* stream corrupt, truncated, unsupported or unsafe */
	ERR_NOBASE = 4,		/* base unknown here */
	ERR_IDENTITY = 5,	/* a file is not what its seal says, or a name is taken */
	ERR_INTERRUPTED = 6,	/* interrupted after a durable checkpoint */
	ERR_UNABLE = 7,		/* the file system cannot, or the reserve forbids */
	ERR_LOCKED = 8,		/* locked by another run */
	ERR_DIFFERENT = 9,	/* verification found a difference */
	ERR_HOOK = 10,		/* a hook failed */
};

/* An error: a code and one sentence, which names the object and the reason. */
struct err {
	enum err_code code;
	char text[1024];
};

/* The value that a struct err starts with. */
#define ERR_INIT { ERR_NONE, "" }

/*
 * Describe a failure, unless err describes one already.  The text takes no
 * final full stop.  Returns -code, to be returned by the caller.
 */
int err_set(struct err *err, enum err_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The same, with ": " and the meaning of the current errno appended.  Where
 * errno tells of a lack of space, a quota or a limit of size, ERR_FAILED
 * becomes ERR_UNABLE: this is the one place that decides so.
 */
int err_sys(struct err *err, enum err_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Success is told by err (see err_code): a failure that nobody described would
 * be told as success.  If rc says failure and err says nothing, describe it as
 * an error of the program.  Returns rc.
 */
int err_never_silent(struct err *err, int rc);

/* Forget an error that was handled. */
void err_clear(struct err *err);

#endif
