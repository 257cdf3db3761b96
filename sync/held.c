/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * held.c - what snapshots a peer holds.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "sync/held.h"

int
held_fetch(struct peer *peer, const struct uuid *lineage, struct held *held,
    struct err *err)
{
	struct dialogue_held *grown;
	int rc;

	memset(held, 0, sizeof(*held));
	memset(&peer->message, 0, sizeof(peer->message));
	peer->message.type = DIALOGUE_LIST;
	peer->message.u.list.lineage = *lineage;
	rc = talk_put(peer->talk, &peer->message, err);
	while (rc == 0) {
		rc = talk_expect(peer->talk, DIALOGUE_HELD, &peer->message,
		    err);
		if (rc != 0)
			break;
		grown = realloc(held->items,
		    (held->count + 1) * sizeof(*grown));
		if (grown == NULL)
			return err_sys(err, ERR_FAILED, "%s", peer->name);
		held->items = grown;
		grown[held->count++] = peer->message.u.held;
	}
	return rc < 0 ? rc : 0;
}

void
held_free(struct held *held)
{
	free(held->items);
	memset(held, 0, sizeof(*held));
}

/* As seal_compare_age(). */
static int
compare_age(const struct dialogue_held *a, const struct dialogue_held *b)
{
	if (a->generation != b->generation)
		return a->generation < b->generation ? -1 : 1;
	if (a->cut != b->cut)
		return a->cut < b->cut ? -1 : 1;
	if (a->created.tv_sec != b->created.tv_sec)
		return a->created.tv_sec < b->created.tv_sec ? -1 : 1;
	if (a->created.tv_nsec != b->created.tv_nsec)
		return a->created.tv_nsec < b->created.tv_nsec ? -1 : 1;
	return 0;
}

bool
held_older(const struct dialogue_held *a, const struct dialogue_held *b)
{
	return compare_age(a, b) < 0;
}

const struct dialogue_held *
held_find(const struct held *held, const struct uuid *id)
{
	for (size_t i = 0; i < held->count; i++) {
		if (held->items[i].valid &&
		    uuid_equal(&held->items[i].id, id))
			return &held->items[i];
	}
	return NULL;
}

const struct dialogue_held *
held_of_file(const struct held *held, const char *origin, const char *name)
{
	const struct dialogue_held *found = NULL;

	for (size_t i = 0; i < held->count; i++) {
		const struct dialogue_held *item = &held->items[i];

		if (strcmp(item->origin, origin) != 0 ||
		    (name != NULL && strcmp(item->name, name) != 0))
			continue;
		if (found == NULL || compare_age(found, item) < 0)
			found = item;
	}
	return found;
}

const struct dialogue_held *
held_base(const struct held *held, const struct dialogue_held *target,
    const struct held *other)
{
	const struct dialogue_held *older = NULL, *newer = NULL;

	for (size_t i = 0; i < held->count; i++) {
		const struct dialogue_held *item = &held->items[i];
		const int age = compare_age(item, target);

		if (!item->valid || uuid_equal(&item->id, &target->id) ||
		    !uuid_equal(&item->lineage, &target->lineage) ||
		    held_find(other, &item->id) == NULL)
			continue;
		if (age < 0 && (older == NULL || compare_age(older, item) < 0))
			older = item;
		if (age >= 0 && (newer == NULL || compare_age(item, newer) < 0))
			newer = item;
	}
	return older != NULL ? older : newer;
}
