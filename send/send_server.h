/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * send_server.h - refsend --serve: send what the near side asks for.
 */
#ifndef SEND_SEND_SERVER_H
#define SEND_SEND_SERVER_H

#include <stdbool.h>

#include "common/err.h"
#include "common/notify.h"

struct send_serving {
	const char *directory;	/* where paths begin; NULL: here */
	bool restricted;	/* paths stay within directory */
	unsigned threads;	/* that compress; see pipeline.h */
	const struct notify *notify;
};

/* Serve on in and out; as server_run(). */
int send_serve(int in, int out, const struct send_serving *options,
    struct err *err);

#endif
