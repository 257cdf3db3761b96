/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * metadata.h - what a file has beside its contents.
 *
 * Extended attributes of the name space user.refsend.* belong to the tools and
 * are neither captured nor applied.
 */
#ifndef COMMON_METADATA_H
#define COMMON_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "common/err.h"
#include "common/notify.h"

#define METADATA_NAME_MAX 256		/* a user or group name, with its NUL */
#define METADATA_XATTRS_MAX 1024	/* attributes of one file */
#define METADATA_XATTRS_BYTES_MAX 1572864	/* of their values, in all */
#define METADATA_XATTR_NAME_MAX 255	/* XATTR_NAME_MAX of Linux */
#define METADATA_XATTR_VALUE_MAX 65536	/* XATTR_SIZE_MAX of Linux */
#define METADATA_PREFIX_OWN "user.refsend."

/* One extended attribute; both pointers belong to the struct metadata. */
struct metadata_xattr {
	char *name;		/* NUL-terminated */
	uint8_t *value;		/* length bytes; NULL if 0 */
	uint32_t length;
};

struct metadata {
	mode_t mode;		/* permission bits, 07777 */
	uid_t uid;
	gid_t gid;
	char user[METADATA_NAME_MAX];	/* empty if it has no name */
	char group[METADATA_NAME_MAX];
	struct timespec atime;
	struct timespec mtime;
	struct timespec btime;	/* zero if unknown; never applied */
	size_t xattr_count;
	size_t xattr_bytes;	/* of all values */
	struct metadata_xattr *xattrs;
};

/*
 * Read the metadata of an open file.
 *
 * path is for messages.  On success, free with metadata_free(); on failure
 * *metadata is empty.
 */
int metadata_capture(int fd, const char *path, struct metadata *metadata,
    struct err *err);

/* Add an attribute; copies name and value. */
int metadata_add_xattr(struct metadata *metadata, const char *name,
    const void *value, size_t length, struct err *err);

/*
 * Give an open file, which this process owns, the owner, attributes and access
 * list.  Mode and times come later, since other changes would move them or
 * need a mode that still allows writing: it is 0600 or as it was until then,
 * and *mode receives the bits to set.
 *
 * The owner goes by name if this host knows the name, else by number.  What
 * this process may not do (another owner without root) or the file system
 * cannot hold (EOPNOTSUPP) is left out and told through notify.  setuid and
 * setgid bits are dropped if they are not trusted or the owner could not be
 * set.  An access list that the file inherited and the metadata does not have
 * is removed.
 */
int metadata_apply(int fd, const char *path, const struct metadata *metadata,
    bool trusted, const struct notify *notify, mode_t *mode, struct err *err);

/* Set atime and mtime. */
int metadata_apply_times(int fd, const char *path,
    const struct metadata *metadata, struct err *err);

/* Free what metadata holds and make it empty. */
void metadata_free(struct metadata *metadata);

#endif
