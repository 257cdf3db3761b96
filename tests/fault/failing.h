/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * failing.h - which call is to fail.
 *
 * A library to be preloaded into a program.  What is to fail is said by
 *
 *	FAULT=KIND:N:HOW	the Nth call of KIND since main(); "N+": that
 *				one and all that follow
 *	FAULT_TOLD=FILE		is made when that call is reached
 *
 * KIND is a name that some function hands to failing_turn().  HOW is the
 * number of an errno, or "short": a read or write moves half of its bytes.
 */
#ifndef FAULT_FAILING_H
#define FAULT_FAILING_H

#include <stdbool.h>
#include <stddef.h>

enum failing_turn { TURN_PASS, TURN_FAIL, TURN_HALF };

/* What is to become of this call; sets errno if it is to fail. */
enum failing_turn failing_turn(const char *kind);

/* Is it this kind of which a call is to fail, now or later? */
bool failing_is_planned(const char *kind);

/* How many bytes of size to move. */
size_t failing_part(enum failing_turn turn, size_t size);

/* The function of this name that one of ours stands in front of. */
#define FAILING_NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#endif
