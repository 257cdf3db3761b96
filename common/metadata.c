/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * metadata.c - read and set what a file has beside its contents.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/metadata.h"

#define ENOUGH_SPACE 16777216	/* bytes; no lack of space then */
#define ACL_NAME "system.posix_acl_access"
#define XFS_ACL_NAME "trusted.SGI_ACL_FILE"	/* the same again, to root */

static bool
has_prefix(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Is this an attribute that travels? Labels of security modules do not. */
static bool
is_captured(const char *name)
{
	if (has_prefix(name, METADATA_PREFIX_OWN) ||
	    strcmp(name, XFS_ACL_NAME) == 0)
		return false;
	return has_prefix(name, "user.") || has_prefix(name, "trusted.") ||
	    strcmp(name, "security.capability") == 0 ||
	    strcmp(name, ACL_NAME) == 0;
}

int
metadata_add_xattr(struct metadata *metadata, const char *name,
    const void *value, size_t length, struct err *err)
{
	struct metadata_xattr *grown, *xattr;

	if (metadata->xattr_count >= METADATA_XATTRS_MAX ||
	    length > METADATA_XATTRS_BYTES_MAX - metadata->xattr_bytes)
		return err_set(err, ERR_FAILED, "more than %d extended "
		    "attributes, or %d bytes of them, cannot be kept",
		    METADATA_XATTRS_MAX, METADATA_XATTRS_BYTES_MAX);
	grown = realloc(metadata->xattrs,
	    (metadata->xattr_count + 1) * sizeof(*grown));
	if (grown == NULL)
		return err_sys(err, ERR_FAILED, "extended attributes");
	metadata->xattrs = grown;
	xattr = &grown[metadata->xattr_count];
	xattr->name = strdup(name);
	xattr->value = malloc(length > 0 ? length : 1);
	xattr->length = (uint32_t)length;
	if (xattr->name == NULL || xattr->value == NULL) {
		free(xattr->name);
		free(xattr->value);
		return err_sys(err, ERR_FAILED, "extended attributes");
	}
	if (length > 0)
		memcpy(xattr->value, value, length);
	metadata->xattr_count++;
	metadata->xattr_bytes += length;
	return 0;
}

/* Read one attribute by name and add it. */
static int
capture_xattr(int fd, const char *path, const char *name,
    struct metadata *metadata, struct err *err)
{
	uint8_t *value;
	ssize_t length;
	int rc = 0;

	value = malloc(METADATA_XATTR_VALUE_MAX);
	if (value == NULL)
		return err_sys(err, ERR_FAILED, "%s", path);
	length = fgetxattr(fd, name, value, METADATA_XATTR_VALUE_MAX);
	if (length >= 0)
		rc = metadata_add_xattr(metadata, name, value, (size_t)length,
		    err);
	else if (errno != ENODATA)
		rc = err_sys(err, ERR_FAILED, "cannot read attribute %s of %s",
		    name, path);
	free(value);
	return rc;
}

static int
capture_xattrs(int fd, const char *path, struct metadata *metadata,
    struct err *err)
{
	char *names;
	ssize_t length;
	int rc = 0;

	names = malloc(METADATA_XATTR_VALUE_MAX);	/* XATTR_LIST_MAX */
	if (names == NULL)
		return err_sys(err, ERR_FAILED, "%s", path);
	length = flistxattr(fd, names, METADATA_XATTR_VALUE_MAX);
	if (length < 0 && errno != EOPNOTSUPP)
		rc = err_sys(err, ERR_FAILED, "cannot list attributes of %s",
		    path);
	for (const char *name = names; rc == 0 && name < names + length;
	    name += strlen(name) + 1) {
		if (is_captured(name))
			rc = capture_xattr(fd, path, name, metadata, err);
	}
	free(names);
	return rc;
}

static void
capture_names(const struct stat *st, struct metadata *metadata)
{
	const struct passwd *user = getpwuid(st->st_uid);
	const struct group *group = getgrgid(st->st_gid);

	if (user != NULL)
		snprintf(metadata->user, sizeof(metadata->user), "%s",
		    user->pw_name);
	if (group != NULL)
		snprintf(metadata->group, sizeof(metadata->group), "%s",
		    group->gr_name);
}

int
metadata_capture(int fd, const char *path, struct metadata *metadata,
    struct err *err)
{
	struct statx stx;
	struct stat st;
	int rc;

	memset(metadata, 0, sizeof(*metadata));
	if (fstat(fd, &st) != 0)
		return err_sys(err, ERR_FAILED, "%s", path);
	metadata->mode = st.st_mode & 07777;
	metadata->uid = st.st_uid;
	metadata->gid = st.st_gid;
	metadata->atime = st.st_atim;
	metadata->mtime = st.st_mtim;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &stx) == 0 &&
	    stx.stx_mask & STATX_BTIME) {
		metadata->btime.tv_sec = stx.stx_btime.tv_sec;
		metadata->btime.tv_nsec = stx.stx_btime.tv_nsec;
	}
	capture_names(&st, metadata);
	rc = capture_xattrs(fd, path, metadata, err);
	if (rc != 0)
		metadata_free(metadata);
	return rc;
}

/*
 * Set owner and group. *complete tells whether both are now as wanted; without
 * that, setuid and setgid bits would give rights of the wrong user.
 */
static int
apply_owner(int fd, const char *path, const struct metadata *metadata,
    const struct notify *notify, bool *complete, struct err *err)
{
	const struct passwd *user = metadata->user[0] != '\0' ?
	    getpwnam(metadata->user) : NULL;
	const struct group *group = metadata->group[0] != '\0' ?
	    getgrnam(metadata->group) : NULL;
	const uid_t uid = user != NULL ? user->pw_uid : metadata->uid;
	const gid_t gid = group != NULL ? group->gr_gid : metadata->gid;
	struct stat st;

	*complete = true;
	if (fstat(fd, &st) != 0)
		return err_sys(err, ERR_FAILED, "%s", path);
	if (st.st_gid != gid && fchown(fd, (uid_t)-1, gid) != 0) {
		if (errno != EPERM)
			return err_sys(err, ERR_FAILED,
			    "cannot set the group of %s", path);
		*complete = false;
	}
	if (st.st_uid != uid && fchown(fd, uid, (gid_t)-1) != 0) {
		if (errno != EPERM)
			return err_sys(err, ERR_FAILED,
			    "cannot set the owner of %s", path);
		*complete = false;
	}
	if (!*complete)
		notify_line(notify, NOTIFY_VERBOSE, "%s: owner %u:%u is not "
		    "kept: that needs root", path, (unsigned)uid,
		    (unsigned)gid);
	return 0;
}

static bool
is_applied(const char *name, bool trusted)
{
	if (has_prefix(name, METADATA_PREFIX_OWN))
		return false;
	if (has_prefix(name, "user.") || strcmp(name, ACL_NAME) == 0)
		return true;
	return trusted && (has_prefix(name, "security.") ||
	    has_prefix(name, "trusted."));
}

/*
 * Is this an attribute that the file system cannot hold, or that this process
 * may not set?  ext4 and btrfs say ENOSPC of one that is too large, with space
 * left.
 */
static bool
is_refusal(int fd, int error)
{
	struct statvfs st;

	if (error == ENOSPC)
		return fstatvfs(fd, &st) == 0 &&
		    (uint64_t)st.f_bavail * st.f_frsize > ENOUGH_SPACE;
	return error == EOPNOTSUPP || error == EPERM || error == E2BIG ||
	    error == ERANGE;
}

static int
apply_xattr(int fd, const char *path, const struct metadata_xattr *xattr,
    bool trusted, const struct notify *notify, struct err *err)
{
	if (!is_applied(xattr->name, trusted)) {
		notify_line(notify, NOTIFY_VERBOSE, "%s: attribute %s is not "
		    "kept: it is not trusted", path, xattr->name);
		return 0;
	}
	if (fsetxattr(fd, xattr->name, xattr->value, xattr->length, 0) == 0)
		return 0;
	if (!is_refusal(fd, errno))
		return err_sys(err, ERR_FAILED, "cannot set attribute %s of %s",
		    xattr->name, path);
	notify_line(notify, NOTIFY_WARNING, "%s: attribute %s is not kept: %s",
	    path, xattr->name, errno == ENOSPC ? "too large here" :
	    strerror(errno));
	return 0;
}

/*
 * The access list comes last: that of a read-only file takes away the owner's
 * right to set other attributes.  It is given back, for what follows; the
 * final mode sets the mask of the list, too.
 */
static int
apply_xattrs(int fd, const char *path, const struct metadata *metadata,
    bool trusted, const struct notify *notify, struct err *err)
{
	const struct metadata_xattr *list = NULL;
	int rc = 0;

	for (size_t i = 0; i < metadata->xattr_count && rc == 0; i++) {
		if (strcmp(metadata->xattrs[i].name, ACL_NAME) == 0)
			list = &metadata->xattrs[i];
		else
			rc = apply_xattr(fd, path, &metadata->xattrs[i],
			    trusted, notify, err);
	}
	if (rc == 0 && list != NULL)
		rc = apply_xattr(fd, path, list, trusted, notify, err);
	if (rc == 0 && list != NULL && fchmod(fd, 0600) != 0)
		rc = err_sys(err, ERR_FAILED, "%s", path);
	return rc;
}

/* A new file inherits the default access list of its directory. */
static int
remove_inherited_acl(int fd, const char *path, const struct metadata *metadata,
    struct err *err)
{
	for (size_t i = 0; i < metadata->xattr_count; i++) {
		if (strcmp(metadata->xattrs[i].name, ACL_NAME) == 0)
			return 0;
	}
	if (fremovexattr(fd, ACL_NAME) != 0 && errno != ENODATA &&
	    errno != EOPNOTSUPP)
		return err_sys(err, ERR_FAILED,
		    "cannot remove the access list of %s", path);
	return 0;
}

int
metadata_apply(int fd, const char *path, const struct metadata *metadata,
    bool trusted, const struct notify *notify, mode_t *mode, struct err *err)
{
	bool owned;
	int rc;

	/* The owner first: changing it clears capabilities and setuid. */
	rc = apply_owner(fd, path, metadata, notify, &owned, err);
	if (rc == 0)
		rc = remove_inherited_acl(fd, path, metadata, err);
	if (rc == 0)
		rc = apply_xattrs(fd, path, metadata, trusted, notify, err);
	*mode = metadata->mode;
	if (!trusted || !owned)
		*mode &= (mode_t)~(S_ISUID | S_ISGID);
	return rc;
}

int
metadata_apply_times(int fd, const char *path,
    const struct metadata *metadata, struct err *err)
{
	const struct timespec times[2] = { metadata->atime, metadata->mtime };

	if (futimens(fd, times) != 0)
		return err_sys(err, ERR_FAILED, "cannot set the times of %s",
		    path);
	return 0;
}

void
metadata_free(struct metadata *metadata)
{
	for (size_t i = 0; i < metadata->xattr_count; i++) {
		free(metadata->xattrs[i].name);
		free(metadata->xattrs[i].value);
	}
	free(metadata->xattrs);
	metadata->xattrs = NULL;
	metadata->xattr_count = 0;
	metadata->xattr_bytes = 0;
}
