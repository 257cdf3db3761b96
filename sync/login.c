/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * login.c - who is there, and who we are.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sync/deadline.h"
#include "sync/refusal.h"
#include "sync/session_libssh.h"

#define REVOKED "@revoked"	/* the marker of a line */

/* ---- the key of the host ---- */

static enum hostkey_state
find_key(struct session *s, const char *file)
{
	switch (ssh_session_is_known_server(s->ssh)) {
	case SSH_KNOWN_HOSTS_OK:
		return HOSTKEY_KNOWN;
	case SSH_KNOWN_HOSTS_CHANGED:
		return HOSTKEY_CHANGED;
	case SSH_KNOWN_HOSTS_OTHER:
		return HOSTKEY_OTHER;
	default:
		break;
	}
	/* It may only seem unknown, where a line cannot be understood. */
	switch (ssh_session_has_known_hosts_entry(s->ssh)) {
	case SSH_KNOWN_HOSTS_UNKNOWN:
	case SSH_KNOWN_HOSTS_NOT_FOUND:
		return access(file, F_OK) == 0 ? HOSTKEY_UNKNOWN :
		    HOSTKEY_NO_FILE;
	default:
		return HOSTKEY_UNREADABLE;
	}
}

/* Does a line of the file mark this key?  libssh does not look. */
static bool
is_revoked(const char *file, const char *base64)
{
	FILE *lines = fopen(file, "re");
	bool found = false;
	char *line = NULL;
	size_t size;

	while (lines != NULL && !found && getline(&line, &size, lines) >= 0)
		found = strncmp(line, REVOKED, strlen(REVOKED)) == 0 &&
		    strstr(line, base64) != NULL;
	free(line);
	if (lines != NULL)
		fclose(lines);
	return found;
}

/* All files are looked at, whatever one says; file becomes the one that does. */
static enum hostkey_state
judge_key(struct session *s, ssh_key shown, char file[SESSION_TEXT_SIZE])
{
	static const enum ssh_options_e options[] = {
		SSH_OPTIONS_GLOBAL_KNOWNHOSTS, SSH_OPTIONS_KNOWNHOSTS };
	char *base64 = NULL;
	bool revoked = false;

	if (ssh_pki_export_pubkey_base64(shown, &base64) != SSH_OK)
		return HOSTKEY_UNREADABLE;
	for (size_t i = 0; i < 2 && !revoked; i++) {
		session_option(s, options[i], file);
		revoked = is_revoked(file, base64);
	}
	ssh_string_free_char(base64);
	return revoked ? HOSTKEY_REVOKED : find_key(s, file);
}

static int
record_key(struct session *s, const struct hostkey *key,
    const struct notify *notify, struct err *err)
{
	if (ssh_session_update_known_hosts(s->ssh) != SSH_OK)
		return err_set(err, ERR_FAILED,
		    "cannot record the key of %s: %s", key->host,
		    ssh_get_error(s->ssh));
	notify_line(notify, NOTIFY_WARNING, "%s was not known: recorded its "
	    "key %s %s in %s", key->host, key->type, key->fingerprint,
	    key->file);
	return 0;
}

int
login_check_host(struct session *s, const struct transport_options *options,
    struct err *err)
{
	char file[SESSION_TEXT_SIZE], host[SESSION_TEXT_SIZE];
	char name[SESSION_TEXT_SIZE + 16];
	struct hostkey key = { .host = s->host, .name = name, .file = file };
	unsigned char *hash = NULL;
	char *print = NULL;
	ssh_key shown = NULL;
	size_t size = 0;
	unsigned port = 0;
	int rc = 0;

	session_option(s, SSH_OPTIONS_HOST, host);
	ssh_options_get_port(s->ssh, &port);
	snprintf(name, sizeof(name), port == 22 ? "%s" : "[%s]:%u", host,
	    port);
	if (ssh_get_server_publickey(s->ssh, &shown) != SSH_OK ||
	    ssh_get_publickey_hash(shown, SSH_PUBLICKEY_HASH_SHA256, &hash,
	    &size) != 0 || (print = ssh_get_fingerprint_hash(
	    SSH_PUBLICKEY_HASH_SHA256, hash, size)) == NULL) {
		rc = err_set(err, ERR_FAILED, "%s showed no key", s->host);
	} else {
		key.state = judge_key(s, shown, file);
		key.type = ssh_key_type_to_char(ssh_key_type(shown));
		key.fingerprint = print;
		if ((key.state == HOSTKEY_UNKNOWN ||
		    key.state == HOSTKEY_NO_FILE) && options->accept_new)
			rc = record_key(s, &key, options->notify, err);
		else if (key.state != HOSTKEY_KNOWN)
			rc = refusal_of_key(&key, err);
	}
	ssh_string_free_char(print);
	ssh_clean_pubkey_hash(&hash);
	ssh_key_free(shown);
	return rc;
}

/* ---- logging in ---- */

/* Called for a passphrase: there is nobody to be asked for one. */
static int
note_passphrase(const char *prompt, char *out, size_t size, int echo,
    int verify, void *cookie)
{
	struct session *s = cookie;

	(void)prompt, (void)out, (void)size, (void)echo, (void)verify;
	s->wants_passphrase = true;
	return -1;
}

static void
list_methods(struct session *s, char text[SESSION_TEXT_SIZE])
{
	static const struct {
		int bit;
		const char *name;
	} methods[] = {
		{ SSH_AUTH_METHOD_PUBLICKEY, "publickey" },
		{ SSH_AUTH_METHOD_PASSWORD, "password" },
		{ SSH_AUTH_METHOD_INTERACTIVE, "keyboard-interactive" },
		{ SSH_AUTH_METHOD_HOSTBASED, "hostbased" },
		{ SSH_AUTH_METHOD_GSSAPI_MIC, "gssapi-with-mic" },
	};
	const int taken = ssh_userauth_list(s->ssh, NULL);
	size_t used = 0;

	snprintf(text, SESSION_TEXT_SIZE, "nothing known here");
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (taken & methods[i].bit)
			used += (size_t)snprintf(text + used,
			    SESSION_TEXT_SIZE - used, "%s%s",
			    used > 0 ? "," : "", methods[i].name);
	}
}

/*
 * Login steps: libssh says SSH_AUTH_AGAIN while there is no answer.  With one
 * key alone; SSH_AUTH_DENIED if that is no use.
 */
static int
try_identity(struct session *s, const char *path, int64_t *deadline)
{
	ssh_key key = NULL;
	int rc;

	if (ssh_pki_import_privkey_file(path, NULL, note_passphrase, s,
	    &key) != SSH_OK)
		return SSH_AUTH_DENIED;
	*deadline = deadline_in(s->timeout);
	do
		rc = ssh_userauth_publickey(s->ssh, NULL, key);
	while (rc == SSH_AUTH_AGAIN && session_wait(s, *deadline));
	ssh_key_free(key);
	return rc;
}

static int
try_nothing(struct session *s, int64_t *deadline)
{
	int rc;

	*deadline = deadline_in(s->timeout);
	do
		rc = ssh_userauth_none(s->ssh, NULL);
	while (rc == SSH_AUTH_AGAIN && session_wait(s, *deadline));
	return rc;
}

/* The agent's keys, then those that the configuration names. */
static int
try_keys(struct session *s, int64_t *deadline)
{
	int rc;

	do {
		/* Each answer gives time for the next one. */
		*deadline = deadline_in(s->timeout);
		rc = ssh_userauth_publickey_auto(s->ssh, NULL, NULL);
	} while (rc == SSH_AUTH_AGAIN && session_wait(s, *deadline));
	return rc;
}

int
login_try(struct session *s, const struct transport_options *options,
    bool *lost, struct err *err)
{
	char user[SESSION_TEXT_SIZE], methods[SESSION_TEXT_SIZE];
	const char *agent = getenv("SSH_AUTH_SOCK");
	int64_t deadline;
	int rc;

	ssh_callbacks_init(&s->asking);
	s->asking.userdata = s;
	s->asking.auth_function = note_passphrase;
	ssh_set_callbacks(s->ssh, &s->asking);
	/* Nothing is a question, too: what does the host take? */
	rc = try_nothing(s, &deadline);
	list_methods(s, methods);
	if (rc == SSH_AUTH_DENIED && options->identity != NULL)
		rc = try_identity(s, options->identity, &deadline);
	if (rc == SSH_AUTH_DENIED || rc == SSH_AUTH_PARTIAL)
		rc = try_keys(s, &deadline);
	if (rc == SSH_AUTH_SUCCESS)
		return 0;
	if (rc != SSH_AUTH_DENIED && rc != SSH_AUTH_PARTIAL)
		return session_failed(s, "log in to", deadline, lost, err);
	session_option(s, SSH_OPTIONS_USER, user);
	return refusal_of_login(&(struct login){ .host = s->host,
	    .user = user, .methods = methods, .identity = options->identity,
	    .agent = agent != NULL && agent[0] != '\0',
	    .passphrase = s->wants_passphrase,
	    .partial = rc == SSH_AUTH_PARTIAL }, err);
}
