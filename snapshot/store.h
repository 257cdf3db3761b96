/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store.h - a directory with snapshots, and the state that the tools keep
 * there.
 *
 *	DIR/FILE			the live file, or a plain copy
 *	DIR/.snapshot/FILE.NAME		its snapshots
 *	DIR/.snapshot/.refsend/		partials, holds, stamps
 *
 * What lies below DIR is opened so that no symbolic link is followed.
 */
#ifndef SNAPSHOT_STORE_H
#define SNAPSHOT_STORE_H

#include <stdbool.h>

#include "common/err.h"

#define STORE_SNAPSHOTS ".snapshot"
#define STORE_STATE ".refsend"

struct store {
	char *path;		/* DIR, for messages */
	int dir;		/* DIR */
	int snapshots;		/* DIR/.snapshot, -1 if there is none */
	int state;		/* its .refsend, -1 if there is none */
	bool made_snapshots;	/* made by this run: removed again if empty */
	bool made_state;
	enum err_code unsafe;	/* for a symbolic link in the way */
};

/* The value of a store that is not open. */
#define STORE_INIT { 0, -1, -1, -1, false, false, ERR_FAILED }

/*
 * Open the store of a directory. make says to make what is missing of
 * .snapshot and .refsend; without it they may stay -1.  unsafe is the error
 * code if .snapshot is a symbolic link.  Close with store_close().
 */
int store_open(const char *path, bool make, enum err_code unsafe,
    struct store *store, struct err *err);

/* Where a path lies: its store, its name, and whether it is in .snapshot. */
struct place {
	struct store store;
	char *name;
	bool kept;		/* in DIR/.snapshot, not in DIR */
};

#define PLACE_INIT { STORE_INIT, 0, false }

/*
 * Open the store that the file path belongs to, which need not exist: DIR for
 * DIR/.snapshot/NAME as for DIR/NAME.  Close with place_close().
 */
int place_open(const char *path, bool make, struct place *place,
    struct err *err);

/*
 * Open the store of the snapshots that path stands for: all of them if it is a
 * directory, and place->name is NULL; else those of a live file, which need not
 * exist.  *exists tells whether there is anything of that name.
 */
int place_open_all(const char *path, struct place *place, bool *exists,
    struct err *err);

/* The directory that holds the file: store.dir or store.snapshots. */
int place_directory(const struct place *place);

/*
 * The path of a file of the store, in .snapshot if kept, for messages and for
 * opening; free() it.  NULL without memory.
 */
char *store_file_path(const struct store *store, bool kept, const char *name);

/* Make what is missing of .snapshot and .refsend. */
int store_make(struct store *store, struct err *err);

/*
 * Lock the store for a receive, by flock(2) on DIR; it is unlocked when the
 * store is closed.  wait says to wait for another run instead of ERR_LOCKED.
 */
int store_lock(const struct store *store, bool wait, struct err *err);

/* Close, and remove again what this run made and nobody filled. */
void store_close(struct store *store);
void place_close(struct place *place);

#endif
