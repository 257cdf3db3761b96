/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prove.c - tell the hashes of a snapshot.
 */
#include "config.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/beneath.h"
#include "serve/here.h"
#include "serve/prove.h"
#include "snapshot/blocks.h"

/* Open the file of a snapshot. */
static int
open_snapshot(const struct uuid *id, int *fd, struct err *err)
{
	const struct catalog_entry *entry;
	struct here here;
	int rc = here_open(&here, err);

	if (rc == 0)
		rc = here_find(&here, id, &entry, err);
	if (rc == 0) {
		*fd = beneath_open(entry->kept ? here.store.snapshots :
		    here.store.dir, entry->name, O_RDONLY, 0);
		if (*fd < 0)
			rc = err_sys(err, ERR_FAILED, "%s", entry->name);
	}
	here_close(&here);
	return rc;
}

/* As many hashes as a message holds; the last one is not full. */
static int
tell_hashes(struct server *server, struct blocks *blocks, struct err *err)
{
	struct dialogue_hashes *hashes = &server->message.u.hashes;
	int rc, end = 0;

	do {
		server_prepare(server, DIALOGUE_HASHES);
		while (end == 0 && hashes->count < DIALOGUE_HASHES_MAX) {
			end = blocks_next(blocks,
			    &hashes->hash[hashes->count], err);
			if (end < 0)
				return end;
			hashes->count += end == 0;
		}
		rc = server_tell(server, err);
	} while (rc == 0 && end == 0);
	return rc;
}

int
prove(struct server *server, const struct dialogue_verify *verify,
    struct err *err)
{
	struct blocks *blocks = NULL;
	struct stat st;
	int fd, rc;

	rc = open_snapshot(&verify->id, &fd, err);
	if (rc != 0)
		return rc;
	if (fstat(fd, &st) != 0 ||
	    (blocks = blocks_new(fd, (uint64_t)st.st_size, "snapshot")) == NULL)
		rc = err_sys(err, ERR_FAILED, "snapshot");
	else {
		blocks_pass_unreadable(blocks);
		rc = tell_hashes(server, blocks, err);
	}
	blocks_free(blocks);
	close(fd);
	return rc;
}
