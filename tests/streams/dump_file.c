/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dump_file.c - dump the stream on standard input, for golden.sh; the exit code
 * is that of the tools.
 */
#include "config.h"

#include <stdio.h>
#include <unistd.h>

#include "stream-format/dump.h"

int
main(void)
{
	struct err err = ERR_INIT;
	const int ret = dump_stream(STDIN_FILENO, stdout, &err);

	if (ret < 0)
		fprintf(stderr, "%s\n", err.text);
	return -ret;
}
