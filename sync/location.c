/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * location.c - where something is: a path, on this machine or on another one.
 */
#include "config.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sync/location.h"

/* The colon that ends the host, NULL if there is none. */
static const char *
end_of_host(const char *text)
{
	const size_t length = strcspn(text, "/");
	const char *bracket = memchr(text, '[', length), *end;

	if (bracket != NULL && (bracket == text || bracket[-1] == '@')) {
		end = memmem(bracket, length - (size_t)(bracket - text), "]:",
		    2);
		if (end != NULL)
			return end + 1;
	}
	return memchr(text, ':', length);
}

static int
check_name(const char *what, const char *name, const char *text,
    struct err *err)
{
	if (name[0] == '\0')
		return err_set(err, ERR_USAGE, "%s: the %s is empty", text,
		    what);
	if (name[0] == '-')
		return err_set(err, ERR_USAGE,
		    "%s: the %s begins with a dash", text, what);
	for (const char *p = name; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return err_set(err, ERR_USAGE,
			    "%s: the %s holds a control character", text,
			    what);
	}
	return 0;
}

/* [USER@]HOST, length bytes of text. */
static int
parse_host(const char *text, size_t length, struct location *location,
    struct err *err)
{
	const char *at = memrchr(text, '@', length);
	const char *host = at == NULL ? text : at + 1;
	size_t host_length = length - (size_t)(host - text);
	int rc = 0;

	if (at != NULL) {
		location->user = strndup(text, (size_t)(at - text));
		if (location->user == NULL)
			return err_sys(err, ERR_FAILED, "%s", text);
		rc = check_name("user", location->user, text, err);
	}
	if (host_length >= 2 && host[0] == '[' &&
	    host[host_length - 1] == ']') {
		host++;
		host_length -= 2;
	}
	location->host = strndup(host, host_length);
	if (location->host == NULL)
		return err_sys(err, ERR_FAILED, "%s", text);
	if (rc == 0)
		rc = check_name("host", location->host, text, err);
	if (rc == 0 && strpbrk(location->host, "[]") != NULL)
		rc = err_set(err, ERR_USAGE,
		    "%s: an address in brackets is written [ADDRESS]:PATH",
		    text);
	return rc;
}

/* Commands start in the home directory there; a shell would tell them so. */
static const char *
skip_home(const char *path)
{
	if (path[0] != '~' || (path[1] != '/' && path[1] != '\0'))
		return path;
	path += 1 + strspn(path + 1, "/");
	return path[0] != '\0' ? path : ".";
}

int
location_parse(const char *text, struct location *location, struct err *err)
{
	const char *colon = end_of_host(text);
	const char *path = colon == NULL ? text : colon + 1;
	int rc = 0;

	*location = (struct location)LOCATION_INIT;
	if (colon != NULL)
		rc = parse_host(text, (size_t)(colon - text), location, err);
	if (rc == 0 && path[0] == '\0')
		rc = err_set(err, ERR_USAGE, "%s: the path is empty", text);
	if (rc == 0) {
		location->path = strdup(colon == NULL ? path : skip_home(path));
		if (location->path == NULL)
			rc = err_sys(err, ERR_FAILED, "%s", text);
	}
	if (rc != 0)
		location_free(location);
	return rc;
}

void
location_free(struct location *location)
{
	free(location->user);
	free(location->host);
	free(location->path);
	*location = (struct location)LOCATION_INIT;
}

int
location_split_snapshot(const char *text, char **path, char **snapshot,
    struct err *err)
{
	const char *slash = strrchr(text, '/');
	const char *name = slash == NULL ? text : slash + 1;
	const char *at = strrchr(name, '@');

	*path = NULL;
	*snapshot = NULL;
	if (text[0] == '\0' || at == name)
		return err_set(err, ERR_USAGE, "%s: the path is empty", text);
	if (at != NULL && at[1] == '\0')
		return err_set(err, ERR_USAGE,
		    "%s: the name of the snapshot is empty", text);
	*path = at == NULL ? strdup(text) :
	    strndup(text, (size_t)(at - text));
	*snapshot = at == NULL ? NULL : strdup(at + 1);
	if (*path != NULL && (at == NULL || *snapshot != NULL))
		return 0;
	err_sys(err, ERR_FAILED, "%s", text);
	free(*path);
	free(*snapshot);
	*path = *snapshot = NULL;
	return -ERR_FAILED;
}
