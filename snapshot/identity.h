/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * identity.h - what tells one file at one moment from every other.
 */
#ifndef SNAPSHOT_IDENTITY_H
#define SNAPSHOT_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/uuid.h"

/*
 * File system, inode, generation and birth time say which file; size, mtime,
 * mode and ctime that it did not change.  A rename, a link, chmod and setxattr
 * move ctime alone; a write moves mtime and ctime, and utimensat(2) can put
 * back mtime, never ctime.
 *
 * A loss of power can put both back, and an error that shuts the file system
 * down (see mounting.h).  So of a file that can be written to, times tell
 * nothing beyond the mounting in which they were read.
 */
struct identity {
	struct uuid filesystem;
	uint64_t subvolume;	/* of btrfs, else 0 */
	uint64_t inode;
	uint64_t generation;	/* 0 where the file system has none */
	struct timespec birth;	/* zero where the file system has none */
	uint64_t size;
	struct timespec mtime;
	mode_t mode;		/* 07777 */
	struct timespec ctime;
	struct uuid mounting;	/* nil: not known */
};

#define IDENTITY_ENCODED_SIZE 104

/* The identity of an open file.  path is for messages. */
int identity_read(int fd, const char *path, struct identity *identity,
    struct err *err);

/*
 * The first difference between two identities beside ctime and mounting, as
 * words for a message ("its size is 4096, not 8192"); returns false if there is none.
 */
bool identity_differs(const struct identity *was, const struct identity *is,
    char *text, size_t size);

/* Are they the same, ctime too? */
bool identity_same(const struct identity *a, const struct identity *b);

/* Are they of one file, whatever became of it meanwhile? */
bool identity_same_file(const struct identity *was,
    const struct identity *is);

/*
 * Are they, or may they be, of two mountings? If so, that they are the same does
 * not prove that the contents are, if anybody could write to them.
 */
bool identity_uncertain(const struct identity *was, const struct identity *is);

/* <0, 0, >0 as a is before, at or after b. */
int time_compare(const struct timespec *a, const struct timespec *b);

/* A fixed form of IDENTITY_ENCODED_SIZE bytes. */
void identity_put(struct buf_writer *w, const struct identity *identity);
void identity_get(struct buf_reader *r, struct identity *identity);

/* A struct timespec as i64 and u32. */
void time_put(struct buf_writer *w, const struct timespec *time);
void time_get(struct buf_reader *r, struct timespec *time);

#endif
