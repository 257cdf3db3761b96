/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * transport_local.c - run a command on this machine.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sync/spawn.h"
#include "sync/transport_kinds.h"

struct local {
	struct spawn *spawn;
	unsigned timeout;
};

/*
 * The file called name beside this program's own, in path, if it is there and
 * can be run: tools that belong together are used together.
 */
static bool
find_beside(const char *name, char path[PATH_MAX])
{
	const ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;
	size_t room;

	if (length < 0 || strchr(name, '/') != NULL)
		return false;
	path[length] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL)
		return false;
	room = PATH_MAX - (size_t)(slash + 1 - path);
	return (size_t)snprintf(slash + 1, room, "%s", name) < room &&
	    access(path, X_OK) == 0;
}

static int
local_close(void *link, struct transport_end *end, bool *lost,
    struct err *err)
{
	struct local *local = link;
	const int rc = spawn_close(local->spawn, local->timeout, end, err);

	*lost = false;
	free(local);
	return rc;
}

static void
local_break(void *link)
{
	struct local *local = link;

	spawn_kill(local->spawn);
}

int
transport_local_open(char *const argv[],
    const struct transport_options *options, struct transport *transport,
    struct err *err)
{
	struct local *local = calloc(1, sizeof(*local));
	char beside[PATH_MAX];
	char **words;
	size_t count = 0;
	int rc = -ERR_FAILED;

	while (argv[count] != NULL)
		count++;
	words = calloc(count + 1, sizeof(*words));
	if (local == NULL || words == NULL) {
		err_sys(err, ERR_FAILED, "cannot start %s", argv[0]);
	} else {
		memcpy(words, argv, count * sizeof(*words));
		if (find_beside(argv[0], beside))
			words[0] = beside;
		local->timeout = options->timeout;
		rc = spawn_open(words, options->errors, &transport->to,
		    &transport->from, &local->spawn, err);
	}
	free(words);
	if (rc != 0) {
		free(local);
		return rc;
	}
	transport->close = local_close;
	transport->break_off = local_break;
	transport->link = local;
	return 0;
}
