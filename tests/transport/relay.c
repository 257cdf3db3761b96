/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay.c - run a command by a transport: its stdin is ours, and its stdout.
 *
 * Usage: relay [OPTION...] PLACE COMMAND [ARGUMENT...]
 *   -e PROGRAM   by a program         -F FILE   configuration of ssh
 *   -i FILE      a key                -k FILE   known hosts
 *   -p PORT      -a  accept new hosts -t SECONDS  time limit
 *   -R           do not read, and close when all is written
 *   -W           write all, also if the command has closed its stdout
 *   -S SECONDS   neither read nor write, but sleep, and then close
 *   -q           no stderr of the far side
 *
 * The exit code is that of the command; 100 if it may help to try again, 101 if
 * not, after one line on stderr, and 102 after a kill.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "sync/transport.h"

#define PIECE 131072u
#define CODE_AGAIN 100
#define CODE_FINAL 101
#define CODE_KILLED 102

struct relay {
	struct transport_options options;
	struct transport transport;
	bool read_not, write_all;
	unsigned sleep;
	uint8_t up[PIECE], down[PIECE];
};

static void
show_line(void *cookie, enum notify_level level, const char *text)
{
	(void)cookie, (void)level;
	fprintf(stderr, "relay: %s\n", text);
}

/* Copy up to the end of one or until the other takes no more. */
static void
copy(int from, int to, uint8_t bytes[PIECE])
{
	ssize_t n;

	while ((n = read(from, bytes, PIECE)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || io_write(to, bytes, (size_t)n) != 0)
			break;
	}
}

static void *
write_all(void *argument)
{
	struct relay *relay = argument;

	/* A pipe can be passed on without a copy; the rest is for others. */
	while (splice(STDIN_FILENO, NULL, relay->transport.to, NULL, PIECE,
	    SPLICE_F_MOVE) > 0)
		;
	copy(STDIN_FILENO, relay->transport.to, relay->up);
	transport_finish(&relay->transport);
	return NULL;
}

static int
run(struct relay *relay, const struct location *location, char **argv,
    struct err *err)
{
	struct transport *transport = &relay->transport;
	struct transport_end end;
	pthread_t writer;
	bool lost;

	if (transport_open(location, argv, &relay->options, transport, &lost,
	    err) != 0)
		return lost ? CODE_AGAIN : CODE_FINAL;
	if (relay->sleep > 0) {
		sleep(relay->sleep);
	} else if (pthread_create(&writer, NULL, write_all, relay) == 0) {
		if (!relay->read_not)
			copy(transport->from, STDOUT_FILENO, relay->down);
		/* Our stdin may have more, which mostly nobody wants now. */
		if (!relay->read_not && !relay->write_all)
			pthread_cancel(writer);
		pthread_join(writer, NULL);
	}
	if (transport_close(transport, &end, &lost, err) == 0)
		return end.code;
	if (end.signal[0] != '\0')
		return CODE_KILLED;
	return lost ? CODE_AGAIN : CODE_FINAL;
}

static int
parse(struct relay *relay, int argc, char **argv)
{
	struct transport_options *o = &relay->options;
	int option;

	while ((option = getopt(argc, argv, "+e:F:i:k:p:at:RWS:q")) != -1) {
		switch (option) {
		case 'e': o->program = optarg; break;
		case 'F': o->config = optarg; break;
		case 'i': o->identity = optarg; break;
		case 'k': o->known_hosts = optarg; break;
		case 'p': o->port = (unsigned)atoi(optarg); break;
		case 'a': o->accept_new = true; break;
		case 't': o->timeout = (unsigned)atoi(optarg); break;
		case 'R': relay->read_not = true; break;
		case 'W': relay->write_all = true; break;
		case 'S': relay->sleep = (unsigned)atoi(optarg); break;
		case 'q': o->errors = -1; break;
		default: return -1;
		}
	}
	return argc - optind >= 2 ? 0 : -1;
}

int
main(int argc, char **argv)
{
	const struct notify notify = { .line = show_line };
	struct relay relay = { .options = { .errors = STDERR_FILENO,
	    .notify = &notify } };
	struct location location = LOCATION_INIT;
	struct err err = ERR_INIT;
	int code = ERR_USAGE;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	if (parse(&relay, argc, argv) != 0)
		fprintf(stderr, "usage: relay PLACE COMMAND...\n");
	else if (location_parse(argv[optind], &location, &err) == 0)
		code = run(&relay, &location, argv + optind + 1, &err);
	if (err.code == ERR_USAGE)
		code = ERR_USAGE;
	if (err.code != ERR_NONE)
		fprintf(stderr, "relay: %s\n", err.text);
	location_free(&location);
	return code;
}
