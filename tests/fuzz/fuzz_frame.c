/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_frame.c - fuzz target: an input as a stream, read to its end and dumped;
 * what is read must keep the rules.
 */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include "stream-format/dump.h"
#include "stream-format/stream_reader.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/sound.h"

/* Read all records; 1 if the stream is sound. */
static int
read_stream(int fd, size_t size, struct err *err)
{
	struct stream_position position, before = { .next = 0 };
	struct sound sound = { .started = false };
	struct stream_reader *reader;
	struct record *record;
	int rc;

	rc = stream_reader_new(fd, &reader, err);
	if (rc != 0)
		return rc;
	while ((rc = stream_reader_next(reader, &record, err)) == 0) {
		sound_next(&sound, record);
		position = stream_reader_position(reader);
		fuzz_demand(position.offset >= before.next &&
		    position.next <= size, "a record lies at %llu to %llu",
		    (unsigned long long)position.offset,
		    (unsigned long long)position.next);
		before = position;
	}
	if (rc == 1)
		fuzz_demand(sound.done && before.next == size,
		    "the stream ends at %llu",
		    (unsigned long long)before.next);
	stream_reader_free(reader);
	return rc;
}

/*
 * What the reader refuses, dump refuses for the same reason, unless it found
 * DATA that it cannot decode before.
 */
static void
compare(int read, const struct err *why, int dumped, const struct err *dump_why)
{
	fuzz_demand(read == 1 || read == -ERR_STREAM, "reader: %d %s", read,
	    why->text);
	fuzz_demand(dumped == 0 || dumped == -ERR_STREAM, "dump: %d %s",
	    dumped, dump_why->text);
	fuzz_demand(read == 1 ? why->code == ERR_NONE :
	    why->code == ERR_STREAM && why->text[0] != '\0',
	    "the error of the reader is %d: %s", (int)why->code, why->text);
	if (dumped == 0)
		fuzz_demand(read == 1, "dump takes what is refused: %s",
		    why->text);
	else if (strstr(dump_why->text, "zstd frame") == NULL)
		fuzz_demand(strcmp(why->text, dump_why->text) == 0,
		    "dump gives another reason: %s; %s", dump_why->text,
		    why->text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT, dump_err = ERR_INIT;
	const int fd = fuzz_input(data, size);
	const int read = read_stream(fd, size, &err);
	int dumped;

	lseek(fd, 0, SEEK_SET);
	dumped = dump_stream(fd, fuzz_output(), &dump_err);
	compare(read, &err, dumped, &dump_err);
	return 0;
}
