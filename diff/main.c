/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - refdiff: the ranges in which a snapshot differs from its base.
 */
#include "config.h"

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "common/tool.h"
#include "diff/delta.h"

/* As diff(1). */
#define EXIT_SAME 0
#define EXIT_DIFFER 1
#define EXIT_TROUBLE 2

static const char help[] =
"Usage: refdiff [--json|--summary] [--map-only] BASE SNAP\n"
"\n"
"Print the byte ranges in which SNAP differs from BASE, one a line: offset and\n"
"length. What both share on a file system with reflink is not read.\n"
"\n"
"      --summary    print totals instead\n"
"      --json       one JSON object with ranges and totals\n"
"      --map-only   compare extent maps alone and read nothing: what is\n"
"                   printed may differ, the rest is proven equal\n"
"  -v, --verbose    tell more\n"
"      --help       this text\n"
"      --version    version\n"
"\n"
"Exit codes: 0 same, 1 different, 2 trouble. See refdiff(1).\n";

enum output { OUTPUT_RANGES, OUTPUT_SUMMARY, OUTPUT_JSON };

/* Joins neighbouring ranges, counts and prints them. */
struct printer {
	enum output output;
	struct json json;
	uint64_t offset;
	uint64_t length;	/* 0: nothing is pending */
	uint64_t ranges;
	uint64_t bytes;
};

static void
printer_flush(struct printer *printer)
{
	if (printer->length == 0)
		return;
	printer->ranges++;
	printer->bytes += printer->length;
	if (printer->output == OUTPUT_RANGES) {
		printf("%" PRIu64 " %" PRIu64 "\n", printer->offset,
		    printer->length);
	} else if (printer->output == OUTPUT_JSON) {
		json_object(&printer->json, NULL);
		json_number(&printer->json, "offset", printer->offset);
		json_number(&printer->json, "length", printer->length);
		json_object_end(&printer->json);
	}
	printer->length = 0;
}

static int
on_event(void *cookie, const struct delta_event *event, struct err *err)
{
	struct printer *printer = cookie;

	(void)err;
	if (printer->length > 0 &&
	    printer->offset + printer->length == event->offset) {
		printer->length += event->length;
		return 0;
	}
	printer_flush(printer);
	printer->offset = event->offset;
	printer->length = event->length;
	return 0;
}

static void
print_summary(const struct printer *printer, const struct delta_stats *stats,
    const struct snapshot *base, const struct snapshot *snapshot,
    bool map_only, double seconds)
{
	char text[TEXT_SIZE_SIZE];

	printf("%s bytes:  %" PRIu64 " (%s)\n",
	    map_only ? "candidate" : "changed", printer->bytes,
	    text_size(printer->bytes, text));
	printf("ranges:         %" PRIu64 "\n", printer->ranges);
	printf("sizes:          %" PRIu64 " -> %" PRIu64 "\n",
	    base->identity.size, snapshot->identity.size);
	printf("bytes read:     %" PRIu64 " of the base, %" PRIu64
	    " of the snapshot\n", stats->base_read, stats->snapshot_read);
	printf("method:         %s%s\n", stats->method,
	    map_only ? ", not compared" : ", compared");
	printf("seconds:        %.3f\n", seconds);
}

static void
print_json_totals(struct printer *printer, const struct delta_stats *stats,
    const struct snapshot *base, const struct snapshot *snapshot,
    bool map_only, double seconds)
{
	struct json *json = &printer->json;

	json_array_end(json);
	json_number(json, "range_count", printer->ranges);
	json_number(json, "changed_bytes", printer->bytes);
	json_bool(json, "map_only", map_only);
	json_number(json, "base_size", base->identity.size);
	json_number(json, "size", snapshot->identity.size);
	json_number(json, "candidate_bytes", stats->candidates);
	json_number(json, "base_read_bytes", stats->base_read);
	json_number(json, "snapshot_read_bytes", stats->snapshot_read);
	json_number(json, "moved_windows", stats->spoiled);
	json_string(json, "method", stats->method);
	json_seconds(json, "pin_seconds", stats->pin_seconds);
	json_seconds(json, "seconds", seconds);
	json_object_end(json);
	fputc('\n', stdout);
}

/* Compare two open snapshots and print; returns whether they differ. */
static bool
print_difference(struct tool *tool, const struct snapshot *base,
    const struct snapshot *snapshot, enum output output, bool map_only,
    struct err *err)
{
	const struct delta_options options = {
		.map_only = map_only, .exact = true, .notify = &tool->notify,
	};
	struct printer printer = { .output = output };
	struct delta_stats stats;

	printer.json.out = stdout;
	if (output == OUTPUT_JSON) {
		json_object(&printer.json, NULL);
		json_string(&printer.json, "base", base->path);
		json_string(&printer.json, "snapshot", snapshot->path);
		json_array(&printer.json, "ranges");
	}
	if (delta_run(base, snapshot, &options, on_event, &printer, &stats,
	    err) != 0)
		return true;
	printer_flush(&printer);
	if (output == OUTPUT_SUMMARY)
		print_summary(&printer, &stats, base, snapshot, map_only,
		    tool_seconds(tool));
	else if (output == OUTPUT_JSON)
		print_json_totals(&printer, &stats, base, snapshot, map_only,
		    tool_seconds(tool));
	else if (base->identity.size != snapshot->identity.size)
		notify_line(&tool->notify, NOTIFY_VERBOSE, "sizes differ: %"
		    PRIu64 " -> %" PRIu64, base->identity.size,
		    snapshot->identity.size);
	return printer.ranges > 0 ||
	    base->identity.size != snapshot->identity.size;
}

enum { OPT_JSON = 256, OPT_SUMMARY, OPT_MAP_ONLY, OPT_HELP, OPT_VERSION };

static const struct option long_options[] = {
	{ "json", no_argument, NULL, OPT_JSON },
	{ "summary", no_argument, NULL, OPT_SUMMARY },
	{ "map-only", no_argument, NULL, OPT_MAP_ONLY },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

int
main(int argc, char **argv)
{
	struct snapshot base = SNAPSHOT_INIT, snapshot = SNAPSHOT_INIT;
	enum output output = OUTPUT_RANGES;
	bool map_only = false, differ = false;
	struct err err = ERR_INIT;
	struct tool tool;
	int option, rc;

	tool_start(&tool, "refdiff", help);
	while ((option = getopt_long(argc, argv, "v", long_options,
	    NULL)) != -1) {
		switch (option) {
		case OPT_JSON:
		case OPT_SUMMARY:
			if (output != OUTPUT_RANGES)
				return tool_usage(&tool, "--json or --summary, "
				    "and once");
			output = option == OPT_JSON ? OUTPUT_JSON :
			    OUTPUT_SUMMARY;
			break;
		case OPT_MAP_ONLY:
			map_only = true;
			break;
		case 'v':
			tool.verbose = true;
			break;
		case OPT_HELP:
			return tool_help(&tool) == 0 ? 0 : EXIT_TROUBLE;
		case OPT_VERSION:
			return tool_version(&tool) == 0 ? 0 : EXIT_TROUBLE;
		default:
			fputs("Try 'refdiff --help'.\n", stderr);
			return EXIT_TROUBLE;
		}
	}
	if (argc - optind != 2)
		return tool_usage(&tool, "name a BASE and a SNAP");
	rc = snapshot_open(AT_FDCWD, argv[optind], argv[optind], &tool.notify,
	    &base, &err);
	if (rc == 0)
		rc = snapshot_open(AT_FDCWD, argv[optind + 1],
		    argv[optind + 1], &tool.notify, &snapshot, &err);
	if (rc == 0) {
		if (map_only && output != OUTPUT_JSON)
			notify_line(&tool.notify, NOTIFY_WARNING, "--map-only: "
			    "these ranges may differ; they were not compared");
		differ = print_difference(&tool, &base, &snapshot, output,
		    map_only, &err);
	}
	snapshot_close(&base);
	snapshot_close(&snapshot);
	tool_flush(&err);
	if (tool_finish(&tool, &err) != 0)
		return EXIT_TROUBLE;
	return differ ? EXIT_DIFFER : EXIT_SAME;
}
