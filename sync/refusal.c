/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * refusal.c - what to tell when a host must not be trusted, or does not let us
 * in.
 */
#include "config.h"

#include <stddef.h>

#include "sync/refusal.h"

int
refusal_of_key(const struct hostkey *key, struct err *err)
{
	const char *const host = key->host, *const file = key->file;
	const char *const type = key->type, *const print = key->fingerprint;

	switch (key->state) {
	case HOSTKEY_CHANGED:
		return err_set(err, ERR_FAILED, "the key of %s has changed, to "
		    "%s %s: someone may be in between; if you know that the "
		    "host has a new key, run: ssh-keygen -f '%s' -R '%s'",
		    host, type, print, file, key->name);
	case HOSTKEY_OTHER:
		return err_set(err, ERR_FAILED, "%s shows a key of a type that "
		    "%s does not have of it, %s %s: someone may be in between; "
		    "if the key is right, run ssh once to record it",
		    host, file, type, print);
	case HOSTKEY_UNKNOWN:
		return err_set(err, ERR_FAILED, "%s is not known: %s has no "
		    "key of it; it shows %s %s: if that is right, run ssh once "
		    "to record it, or accept new hosts (--accept-new)",
		    host, file, type, print);
	case HOSTKEY_NO_FILE:
		return err_set(err, ERR_FAILED, "%s is not known: there is no "
		    "%s; it shows %s %s: if that is right, run ssh once to "
		    "record it, or accept new hosts (--accept-new)",
		    host, file, type, print);
	case HOSTKEY_REVOKED:
		return err_set(err, ERR_FAILED, "the key of %s, %s %s, is "
		    "marked as revoked in %s", host, type, print, file);
	case HOSTKEY_UNREADABLE:
	case HOSTKEY_KNOWN:
		break;
	}
	return err_set(err, ERR_FAILED, "cannot tell whether the key of %s, "
	    "%s %s, is right: a line for it in %s or in the file for all users "
	    "cannot be understood", host, type, print, file);
}

int
refusal_of_login(const struct login *login, struct err *err)
{
	return err_set(err, ERR_FAILED, "%s does not let %s in%s: tried %s%s%s"
	    "the key files of the ssh configuration%s; it takes %s, and "
	    "passwords are not asked for: install a key with ssh-copy-id",
	    login->host, login->user,
	    login->partial ? " with a key alone" : "",
	    login->agent ? "the agent, " : "",
	    login->identity != NULL ? login->identity : "",
	    login->identity != NULL ? ", " : "",
	    login->passphrase ? " (one wants a passphrase: load it with "
	    "ssh-add)" : "", login->methods);
}
