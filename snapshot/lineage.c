/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lineage.c - what the next snapshot of a live file belongs to, and is called.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "snapshot/catalog.h"
#include "snapshot/lineage.h"

/* A lineage that follows from what stays the same of a live file. */
static void
found(const struct identity *live, struct seal *seal)
{
	uint8_t bytes[IDENTITY_ENCODED_SIZE];
	struct buf_writer w = { .data = bytes, .size = sizeof(bytes) };
	struct identity founder = *live;

	founder.size = 0;
	founder.mode = 0;
	memset(&founder.mtime, 0, sizeof(founder.mtime));
	memset(&founder.ctime, 0, sizeof(founder.ctime));
	memset(&founder.mounting, 0, sizeof(founder.mounting));
	identity_put(&w, &founder);
	seal->lineage = uuid_derive(bytes, w.used);
	seal->cut = 1;
}

int
lineage_next(const struct store *store, const char *name,
    const struct identity *live, struct seal *seal, struct err *err)
{
	const struct catalog_entry *newest;
	struct catalog catalog;
	int rc;

	rc = catalog_read(store, &catalog, err);
	if (rc != 0)
		return rc;
	newest = catalog_newest_of(&catalog, name);
	if (newest != NULL) {
		seal->lineage = newest->seal.lineage;
		seal->generation = newest->seal.generation;
		seal->cut = newest->seal.cut + 1;
	} else {
		found(live, seal);
	}
	catalog_free(&catalog);
	return 0;
}

void
lineage_name(struct seal *seal, int n)
{
	char when[32];
	struct tm tm;

	gmtime_r(&seal->created.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	if (n == 0)
		snprintf(seal->name, sizeof(seal->name), "%s", when);
	else
		snprintf(seal->name, sizeof(seal->name), "%s-%d", when, n + 1);
}
