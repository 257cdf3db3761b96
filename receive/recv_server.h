/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recv_server.h - refrecv --serve: receive what the near side sends.
 */
#ifndef RECEIVE_RECV_SERVER_H
#define RECEIVE_RECV_SERVER_H

#include <stdbool.h>

#include "common/err.h"
#include "receive/receive.h"

struct receive_serving {
	const char *directory;	/* where paths begin; NULL: here */
	bool restricted;	/* paths stay within directory */
	bool append_only;	/* nothing is deleted or replaced */
	struct receive_options receive;
};

/* Serve on in and out; as server_run(). */
int receive_serve(int in, int out, const struct receive_serving *options,
    struct err *err);

#endif
