/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * refusal.h - what to tell when a host must not be trusted, or does not let us
 * in: what was seen, where it was looked up, and the way out.
 */
#ifndef SYNC_REFUSAL_H
#define SYNC_REFUSAL_H

#include <stdbool.h>

#include "common/err.h"

enum hostkey_state {
	HOSTKEY_KNOWN,
	HOSTKEY_CHANGED,	/* another one of this type is recorded */
	HOSTKEY_OTHER,		/* only ones of other types are */
	HOSTKEY_UNKNOWN,	/* none is */
	HOSTKEY_NO_FILE,	/* nor is there a file */
	HOSTKEY_UNREADABLE,	/* the file makes no sense */
	HOSTKEY_REVOKED,	/* marked as one that must not be trusted */
};

/* The key that a host showed. */
struct hostkey {
	enum hostkey_state state;
	const char *host;	/* as the user wrote it */
	const char *name;	/* as it is recorded */
	const char *type;
	const char *fingerprint;
	const char *file;
};

/* Returns -ERR_FAILED; for all states but HOSTKEY_KNOWN. */
int refusal_of_key(const struct hostkey *key, struct err *err);

/* How it was tried to log in, in vain. */
struct login {
	const char *host;
	const char *user;
	const char *methods;	/* that the host takes, by commas */
	const char *identity;	/* NULL: no key was given */
	bool agent;		/* there was one to be asked */
	bool passphrase;	/* a key would have wanted one */
	bool partial;		/* it is not enough */
};

/* Returns -ERR_FAILED. */
int refusal_of_login(const struct login *login, struct err *err);

#endif
