/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * contact.c - an ssh session as far as encrypted packets, as ssh_config(5) has
 * it.
 *
 * Of the configuration, libssh does not understand IdentitiesOnly,
 * CertificateFile, HostKeyAlias, AddressFamily, ControlPath and others; and
 * BindAddress is not told to us.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sync/deadline.h"
#include "sync/reach.h"
#include "sync/session_libssh.h"

/* libssh would take chacha20 first, which costs twice as much. */
#define CIPHERS "aes128-gcm@openssh.com,aes256-gcm@openssh.com," \
	"chacha20-poly1305@openssh.com,aes256-ctr,aes128-ctr"

/* A path for libssh, which takes %h and others in it for tokens. */
static char *
without_tokens(const char *path)
{
	char *doubled = malloc(2 * strlen(path) + 1), *out = doubled;

	if (doubled == NULL)
		return NULL;
	for (; *path != '\0'; path++) {
		if (*path == '%')
			*out++ = '%';
		*out++ = *path;
	}
	*out = '\0';
	return doubled;
}

static bool
set_option(struct session *s, enum ssh_options_e option, const void *value)
{
	return ssh_options_set(s->ssh, option, value) == 0;
}

static bool
set_known_hosts(struct session *s, const char *file)
{
	char *path = file == NULL ? NULL : without_tokens(file);
	const bool set = file == NULL || (path != NULL &&
	    set_option(s, SSH_OPTIONS_KNOWNHOSTS, path));

	free(path);
	return set;
}

static int
read_config(struct session *s, const char *file, struct err *err)
{
	char *path = file == NULL ? NULL : without_tokens(file);
	int rc = 0;

	if (file != NULL && (path == NULL || access(file, R_OK) != 0))
		rc = err_sys(err, ERR_FAILED, "%s", file);
	else if (ssh_options_parse_config(s->ssh, path) != 0)
		rc = err_set(err, ERR_FAILED,
		    "the ssh configuration cannot be used: %s",
		    ssh_get_error(s->ssh));
	free(path);
	return rc;
}

static int
configure(struct session *s, const struct location *location,
    const struct transport_options *options, struct err *err)
{
	const int strict = 1, silent = SSH_LOG_NONE;
	const long timeout = s->timeout;
	char name[SESSION_TEXT_SIZE], user[SESSION_TEXT_SIZE];
	bool set;
	int rc;

	snprintf(name, sizeof(name), strchr(location->host, ':') != NULL ?
	    "[%s]" : "%s", location->host);
	if (!set_option(s, SSH_OPTIONS_HOST, name))
		return err_set(err, ERR_FAILED, "libssh takes no host name "
		    "such as %s; ssh may (-e ssh)", location->host);
	/* What the configuration says of ciphers comes later and wins. */
	set = set_option(s, SSH_OPTIONS_CIPHERS_C_S, CIPHERS) &&
	    set_option(s, SSH_OPTIONS_CIPHERS_S_C, CIPHERS) &&
	    (location->user == NULL ||
	    set_option(s, SSH_OPTIONS_USER, location->user));
	rc = read_config(s, options->config, err);
	if (rc != 0)
		return rc;
	/* With StrictHostKeyChecking no, any key would be a good one. */
	set = set && set_known_hosts(s, options->known_hosts) &&
	    (options->port == 0 ||
	    set_option(s, SSH_OPTIONS_PORT, &options->port)) &&
	    set_option(s, SSH_OPTIONS_STRICTHOSTKEYCHECK, &strict) &&
	    set_option(s, SSH_OPTIONS_LOG_VERBOSITY, &silent) &&
	    set_option(s, SSH_OPTIONS_TIMEOUT, &timeout);
	/* libssh would fill in who we are here only later. */
	session_option(s, SSH_OPTIONS_USER, user);
	if (user[0] == '\0')
		set = set && set_option(s, SSH_OPTIONS_USER, NULL);
	if (!set)
		return err_set(err, ERR_FAILED, "%s: %s", location->host,
		    ssh_get_error(s->ssh));
	return 0;
}

/* ---- connecting ---- */

static int
connect_host(struct session *s, const struct transport_options *options,
    bool *lost, struct err *err)
{
	char host[SESSION_TEXT_SIZE], user[SESSION_TEXT_SIZE], *command = NULL;
	struct reach_target target = { .host = host, .original = s->host,
	    .user = user };
	int64_t deadline;
	int rc;

	session_option(s, SSH_OPTIONS_HOST, host);
	session_option(s, SSH_OPTIONS_USER, user);
	ssh_options_get_port(s->ssh, &target.port);
	if (ssh_options_get(s->ssh, SSH_OPTIONS_PROXYCOMMAND, &command) ==
	    SSH_OK)
		target.command = command;
	rc = reach_open(&target, s->timeout, options->errors, &s->fd,
	    &s->proxy, lost, err);
	ssh_string_free_char(command);
	if (rc != 0)
		return rc;
	deadline = deadline_in(s->timeout);
	if (!set_option(s, SSH_OPTIONS_PROXYCOMMAND, "none") ||
	    !set_option(s, SSH_OPTIONS_FD, &s->fd) ||
	    ssh_connect(s->ssh) != SSH_OK)
		return session_failed(s, "talk ssh with", deadline, lost, err);
	/* libssh waited for this alone, and has made the socket blocking. */
	ssh_set_blocking(s->ssh, 0);
	if (fcntl(s->fd, F_SETFL, O_RDWR | O_NONBLOCK) != 0)
		return err_sys(err, ERR_FAILED, "%s", s->host);
	return 0;
}

int
contact_make(struct session *s, const struct location *location,
    const struct transport_options *options, bool *lost, struct err *err)
{
	const int rc = configure(s, location, options, err);

	return rc != 0 ? rc : connect_host(s, options, lost, err);
}
