/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reach.c - a socket to an ssh server, as ssh_config(5) says.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/dial.h"
#include "sync/reach.h"

#define EXEC "exec "

/* What %letter stands for; NULL if that is no token. */
static const char *
value_of(char letter, const struct reach_target *target, const char *port)
{
	switch (letter) {
	case 'h':
		return target->host;
	case 'n':
		return target->original;
	case 'p':
		return port;
	case 'r':
		return target->user;
	case '%':
		return "%";
	default:
		return NULL;
	}
}

int
reach_expand(const struct reach_target *target, char **expanded,
    struct err *err)
{
	const char *value = "";
	char port[16];
	size_t size;
	FILE *out = open_memstream(expanded, &size);

	if (out == NULL)
		return err_sys(err, ERR_FAILED, "%s", target->command);
	snprintf(port, sizeof(port), "%u", target->port);
	/* So that a signal reaches the command, and not a shell. */
	if (strncmp(target->command, EXEC, strlen(EXEC)) != 0)
		fputs(EXEC, out);
	for (const char *p = target->command; value != NULL && *p != '\0';
	    p++) {
		if (*p != '%')
			fputc(*p, out);
		else if ((value = value_of(*++p, target, port)) != NULL)
			fputs(value, out);
	}
	if (fclose(out) == 0 && value != NULL)
		return 0;
	if (value == NULL)
		err_set(err, ERR_FAILED, "ProxyCommand %s: only %%h, %%n, %%p, "
		    "%%r and %%%% are understood", target->command);
	else
		err_sys(err, ERR_FAILED, "%s", target->command);
	free(*expanded);
	return -ERR_FAILED;
}

int
reach_open(const struct reach_target *target, unsigned seconds, int errors,
    int *fd, struct spawn **proxy, bool *lost, struct err *err)
{
	char shell[] = "/bin/sh", option[] = "-c", *line;
	int rc;

	*lost = false;
	*proxy = NULL;
	if (target->command == NULL)
		return dial(target->host, target->port, seconds, fd, lost,
		    err);
	rc = reach_expand(target, &line, err);
	if (rc != 0)
		return rc;
	rc = spawn_open((char *[]){ shell, option, line, NULL }, errors, fd,
	    NULL, proxy, err);
	free(line);
	if (rc == 0)
		fcntl(*fd, F_SETFL, O_RDWR | O_NONBLOCK);
	return rc;
}
