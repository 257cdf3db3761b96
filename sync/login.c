/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * login.c - who is there, and who we are.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "sync/deadline.h"
#include "sync/refusal.h"
#include "sync/session_libssh.h"

/* ---- the key of the host ---- */

static enum hostkey_state
hostkey_state(struct session *s)
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
		return HOSTKEY_UNKNOWN;
	case SSH_KNOWN_HOSTS_NOT_FOUND:
		return HOSTKEY_NO_FILE;
	default:
		return HOSTKEY_UNREADABLE;
	}
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
	char file[SESSION_TEXT_SIZE], host[SESSION_TEXT_SIZE], name[SESSION_TEXT_SIZE + 16];
	struct hostkey key = { .host = s->host, .name = name, .file = file };
	unsigned char *hash = NULL;
	char *print = NULL;
	ssh_key shown = NULL;
	size_t size = 0;
	unsigned port = 0;
	int rc = 0;

	session_option(s, SSH_OPTIONS_KNOWNHOSTS, file);
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
		key.state = hostkey_state(s);
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
			used += (size_t)snprintf(text + used, SESSION_TEXT_SIZE - used,
			    "%s%s", used > 0 ? "," : "", methods[i].name);
	}
}

int
login_try(struct session *s, const struct transport_options *options,
    bool *lost, struct err *err)
{
	char user[SESSION_TEXT_SIZE], methods[SESSION_TEXT_SIZE];
	const char *agent = getenv("SSH_AUTH_SOCK");
	int64_t began = deadline_now();
	int rc;

	ssh_callbacks_init(&s->asking);
	s->asking.userdata = s;
	s->asking.auth_function = note_passphrase;
	ssh_set_callbacks(s->ssh, &s->asking);
	rc = ssh_userauth_none(s->ssh, NULL);
	list_methods(s, methods);
	if (rc == SSH_AUTH_DENIED) {
		began = deadline_now();
		rc = ssh_userauth_publickey_auto(s->ssh, NULL, NULL);
	}
	if (rc == SSH_AUTH_SUCCESS)
		return 0;
	if (rc != SSH_AUTH_DENIED && rc != SSH_AUTH_PARTIAL)
		return session_failed(s, "log in to", began, lost, err);
	session_option(s, SSH_OPTIONS_USER, user);
	return refusal_of_login(&(struct login){ .host = s->host,
	    .user = user, .methods = methods, .identity = options->identity,
	    .agent = agent != NULL && agent[0] != '\0',
	    .passphrase = s->wants_passphrase,
	    .partial = rc == SSH_AUTH_PARTIAL }, err);
}
