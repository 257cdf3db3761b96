/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prove.c - tell the hashes of a snapshot.
 */
#include "config.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/beneath.h"
#include "serve/prove.h"
#include "snapshot/blocks.h"
#include "snapshot/catalog.h"
#include "snapshot/store.h"

/* Open the file of a snapshot. */
static int
open_snapshot(const struct uuid *id, int *fd, struct err *err)
{
	struct store store = STORE_INIT;
	struct catalog catalog = { NULL, 0 };
	const struct catalog_entry *entry;
	char text[UUID_TEXT_SIZE];
	int rc;

	rc = store_open(SERVER_HERE, false, ERR_STREAM, &store, err);
	if (rc == 0)
		rc = catalog_read(&store, &catalog, err);
	if (rc == 0 && (entry = catalog_find(&catalog, id)) == NULL)
		rc = err_set(err, ERR_NOBASE, "there is no snapshot %s",
		    uuid_format(id, text));
	if (rc == 0) {
		*fd = beneath_open(entry->kept ? store.snapshots : store.dir,
		    entry->name, O_RDONLY, 0);
		if (*fd < 0)
			rc = err_sys(err, ERR_FAILED, "%s", entry->name);
	}
	catalog_free(&catalog);
	store_close(&store);
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
	else
		rc = tell_hashes(server, blocks, err);
	blocks_free(blocks);
	close(fd);
	return rc;
}
