/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * here.c - the directory that a server was told to open, and all that lies there.
 */
#include "config.h"

#include "serve/here.h"
#include "serve/server.h"

int
here_open(struct here *here, struct err *err)
{
	int rc;

	*here = (struct here){ .store = STORE_INIT };
	rc = store_open(SERVER_HERE, false, ERR_STREAM, &here->store, err);
	if (rc == 0)
		rc = catalog_read(&here->store, &here->catalog, err);
	return rc;
}

void
here_close(struct here *here)
{
	catalog_free(&here->catalog);
	store_close(&here->store);
}

int
here_find(const struct here *here, const struct uuid *id,
    const struct catalog_entry **entry, struct err *err)
{
	char text[UUID_TEXT_SIZE];

	*entry = catalog_find(&here->catalog, id);
	return *entry != NULL ? 0 : err_set(err, ERR_NOBASE,
	    "there is no snapshot %s", uuid_format(id, text));
}
