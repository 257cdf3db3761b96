/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * transport_program.c - run a command on another machine by a program such as
 * ssh(1), called as rsync(1) calls it: PROGRAM... [-l USER] HOST COMMAND
 *
 * What ssh can do and libssh cannot (shared connections, certificates, keys on
 * devices) is had this way.  To notice a peer that is gone is the program's
 * business.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "sync/spawn.h"
#include "sync/transport_kinds.h"
#include "sync/words.h"

#define CODE_OF_SSH 255	/* ssh(1) itself failed, and has said why */

struct program {
	struct spawn *spawn;
	unsigned timeout;
	char *name;
	char *host;
};

static void
free_program(struct program *program)
{
	if (program == NULL)
		return;
	free(program->name);
	free(program->host);
	free(program);
}

static int
program_close(void *link, struct transport_end *end, bool *lost,
    struct err *err)
{
	struct program *program = link;
	int rc = spawn_close(program->spawn, program->timeout, end, err);

	if (rc == 0 && end->signal[0] != '\0') {
		rc = err_set(err, ERR_FAILED, "%s was killed by signal %s",
		    program->name, end->signal);
		end->signal[0] = '\0';
	} else if (rc == 0 && end->code == CODE_OF_SSH) {
		/* It may be the network, and may be the key. */
		*lost = true;
		rc = err_set(err, ERR_FAILED,
		    "%s to %s failed with exit code %d", program->name,
		    program->host, CODE_OF_SSH);
	}
	free_program(program);
	return rc;
}

/* All words of the command in a new list; the strings stay where they are. */
static char **
join(char **program, const struct location *location, char *line)
{
	static char user_option[] = "-l";
	const size_t extra = 5;	/* -l USER HOST LINE NULL */
	size_t count = 0;
	char **words;

	while (program[count] != NULL)
		count++;
	words = calloc(count + extra, sizeof(*words));
	if (words == NULL)
		return NULL;
	memcpy(words, program, count * sizeof(*words));
	if (location->user != NULL) {
		words[count++] = user_option;
		words[count++] = location->user;
	}
	words[count++] = location->host;
	words[count] = line;
	return words;
}

static void
program_break(void *link)
{
	struct program *program = link;

	spawn_kill(program->spawn);
}

int
transport_program_open(const struct location *location, char *const argv[],
    const struct transport_options *options, struct transport *transport,
    struct err *err)
{
	struct program *program = NULL;
	char **own = NULL, **words = NULL;
	char *line = words_quote(argv);
	int rc;

	rc = words_split(options->program, &own, err);
	if (rc != 0)
		goto out;
	words = join(own, location, line);
	program = calloc(1, sizeof(*program));
	if (program != NULL) {
		program->timeout = options->timeout;
		program->name = strdup(own[0]);
		program->host = strdup(location->host);
	}
	if (line == NULL || words == NULL || program == NULL ||
	    program->name == NULL || program->host == NULL)
		rc = err_sys(err, ERR_FAILED, "cannot start %s", own[0]);
	else
		rc = spawn_open(words, options->errors, &transport->to,
		    &transport->from, &program->spawn, err);
out:
	words_free(own);
	free(words);
	free(line);
	if (rc != 0) {
		free_program(program);
		return rc;
	}
	transport->close = program_close;
	transport->break_off = program_break;
	transport->link = program;
	return 0;
}
