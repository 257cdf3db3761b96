/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - torture: histories of random operations, each snapshot of them sent
 * and compared.
 */
#include "config.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "tests/torture/cutting.h"
#include "tests/torture/history.h"

static const char help[] =
"Usage: torture [OPTION]... SOURCE-DIR REPLICA-DIR...\n"
"       torture --cut-only [--seed N] [--cuts N] SOURCE-DIR\n"
"\n"
"Live through random histories of a file in SOURCE-DIR; send its snapshots to\n"
"replicas in each REPLICA-DIR, and compare. Ends with exit code 0 when one of\n"
"the limits is reached, with 1 at the first difference or failure.\n"
"\n"
"  --seed N        of the first history; each next one has the next number\n"
"  --length N      at most so many operations in a history\n"
"  --operations N  limits: of all histories together\n"
"  --pairs N\n"
"  --histories N\n"
"  --seconds N\n"
"  --tools N       percent that goes through the programs in $PATH (15)\n"
"  --shaken N      percent of histories in which blocks move (30)\n"
"  --kinds         tell in the end what was done, by kind\n"
"  --cut-only      take snapshots for somebody else to send, see cutting.h\n"
"  --cuts N        of them (100)\n";

struct options {
	struct place place;
	uint64_t seed, length, operations, pairs, histories, seconds, cuts;
	bool kinds, cut_only;
};

enum { OPT_SEED = 256, OPT_LENGTH, OPT_OPERATIONS, OPT_PAIRS, OPT_HISTORIES,
    OPT_SECONDS, OPT_TOOLS, OPT_SHAKEN, OPT_KINDS, OPT_CUT_ONLY, OPT_CUTS,
    OPT_HELP };

static const struct option long_options[] = {
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "length", required_argument, NULL, OPT_LENGTH },
	{ "operations", required_argument, NULL, OPT_OPERATIONS },
	{ "pairs", required_argument, NULL, OPT_PAIRS },
	{ "histories", required_argument, NULL, OPT_HISTORIES },
	{ "seconds", required_argument, NULL, OPT_SECONDS },
	{ "tools", required_argument, NULL, OPT_TOOLS },
	{ "shaken", required_argument, NULL, OPT_SHAKEN },
	{ "kinds", no_argument, NULL, OPT_KINDS },
	{ "cut-only", no_argument, NULL, OPT_CUT_ONLY },
	{ "cuts", required_argument, NULL, OPT_CUTS },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static bool
is_reached(uint64_t limit, uint64_t value)
{
	return limit != 0 && value >= limit;
}

static void
report_kinds(const struct operation_counts *kinds, uint64_t operations)
{
	for (unsigned i = 0; i < OPERATION_KINDS; i++)
		printf("%-16s %10" PRIu64 " done %5.1f %% %10" PRIu64
		    " refused\n", operation_name(i), kinds->done[i],
		    100.0 * (double)kinds->done[i] /
		    (double)(operations > 0 ? operations : 1),
		    kinds->refused[i]);
}

static void
report(const struct options *options, const struct tally *tally,
    double seconds)
{
	if (options->kinds)
		report_kinds(&tally->kinds, tally->operations);
	printf("seed %" PRIu64 ": %" PRIu64 " histories, %" PRIu64
	    " operations, %" PRIu64 " snapshots, %" PRIu64 " pairs (%" PRIu64
	    " by the programs), %" PRIu64 " whole, %" PRIu64
	    " deltas, %.0f s\n", options->seed, tally->histories,
	    tally->operations, tally->snapshots, tally->pairs,
	    tally->tool_pairs, tally->wholes, tally->deltas, seconds);
}

/* Tell about a failure, and how to see it again. */
static void
report_failure(const struct options *options, uint64_t seed, uint64_t steps,
    struct err *err)
{
	uint64_t shortest;

	printf("history of seed %" PRIu64 " fails after %" PRIu64
	    " operations: %s\n", seed, steps, err->text);
	fflush(stdout);
	shortest = history_shorten(&options->place, seed, steps, err);
	if (shortest == 0)
		printf("it does not fail again: blocks moved beside it\n");
	else
		printf("the first %" PRIu64 " operations fail: %s\n"
		    "again: torture --seed %" PRIu64 " --histories 1 "
		    "--length %" PRIu64 " --tools %u --shaken %u "
		    "SOURCE-DIR REPLICA-DIR...\n", shortest, err->text, seed,
		    shortest, options->place.tools, options->place.shaken);
}

static int
run(const struct options *options)
{
	const double start = now();
	struct tally tally;
	struct err err = ERR_INIT;
	uint64_t seed = options->seed, steps;

	memset(&tally, 0, sizeof(tally));
	while (!is_reached(options->operations, tally.operations) &&
	    !is_reached(options->pairs, tally.pairs) &&
	    !is_reached(options->histories, tally.histories) &&
	    !(options->seconds != 0 &&
	    now() - start >= (double)options->seconds)) {
		if (history_run(&options->place, seed, options->length, &tally,
		    &steps, &err) != 0) {
			report_failure(options, seed, steps, &err);
			report(options, &tally, now() - start);
			return 1;
		}
		seed++;
	}
	report(options, &tally, now() - start);
	return 0;
}

/* Returns the number, or ends the program: a seed misread is another test. */
static uint64_t
number(const char *text)
{
	char *end;
	const uint64_t value = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0') {
		fprintf(stderr, "torture: not a number: %s\n", text);
		exit(2);
	}
	return value;
}

static void
take_option(struct options *o, int option, const char *value)
{
	switch (option) {
	case OPT_SEED: o->seed = number(value); break;
	case OPT_LENGTH: o->length = number(value); break;
	case OPT_OPERATIONS: o->operations = number(value); break;
	case OPT_PAIRS: o->pairs = number(value); break;
	case OPT_HISTORIES: o->histories = number(value); break;
	case OPT_SECONDS: o->seconds = number(value); break;
	case OPT_TOOLS: o->place.tools = (unsigned)number(value); break;
	case OPT_SHAKEN: o->place.shaken = (unsigned)number(value); break;
	case OPT_KINDS: o->kinds = true; break;
	case OPT_CUT_ONLY: o->cut_only = true; break;
	case OPT_CUTS: o->cuts = number(value); break;
	case OPT_HELP:
		fputs(help, stdout);
		exit(0);
	default:
		fputs("Try 'torture --help'.\n", stderr);
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	struct options options = {
		.place = { .tools = 15, .shaken = 30 },
		.seed = chance_fresh(),
		.cuts = 100,
	};
	struct err err = ERR_INIT;
	int option;

	while ((option = getopt_long(argc, argv, "", long_options,
	    NULL)) != -1)
		take_option(&options, option, optarg);
	argc -= optind;
	argv += optind;
	if (options.cut_only ? argc != 1 :
	    argc < 2 || argc > 1 + REPLICAS_MAX) {
		fputs("Try 'torture --help'.\n", stderr);
		return 2;
	}
	/* As the tools do: a broken lease sends SIGIO. */
	signal(SIGIO, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	umask(022);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("seed %" PRIu64 "\n", options.seed);
	options.place.source = argv[0];
	options.place.replicas = (const char *const *)(argv + 1);
	options.place.replica_count = (size_t)argc - 1;
	if (!options.cut_only)
		return run(&options);
	if (cutting_run(argv[0], options.seed, options.cuts, &err) == 0)
		return 0;
	printf("cutting fails: %s\n", err.text);
	return 1;
}
