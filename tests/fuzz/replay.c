/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.c - a main() for a fuzz target that runs it on the files of a
 * directory, without libFuzzer.
 *
 * Usage: REPLAY DIRECTORY. Prints the name of each file before its run, so that
 * the last one is the culprit if the target ends the program; then how many.
 */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "tests/fuzz/fuzz.h"

static void
run_file(int dirfd, const char *name)
{
	const int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	uint8_t *data;
	struct stat st;
	size_t size;

	fuzz_demand(fd >= 0 && fstat(fd, &st) == 0, "cannot open %s", name);
	size = (size_t)st.st_size;
	/* A block of its very size, for the sanitizers. */
	data = malloc(size > 0 ? size : 1);
	fuzz_demand(data != NULL && io_pread(fd, data, size, 0) ==
	    (ssize_t)size, "cannot read %s", name);
	close(fd);
	printf("# %s\n", name);
	fflush(stdout);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
}

int
main(int argc, char **argv)
{
	const int fd = argc != 2 ? -1 :
	    open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	unsigned count = 0;

	fuzz_demand(dir != NULL, "usage: %s DIRECTORY", argv[0]);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		run_file(fd, entry->d_name);
		count++;
	}
	closedir(dir);
	printf("# %u inputs\n", count);
	return count > 0 ? 0 : 1;
}
