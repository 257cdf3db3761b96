/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cutting.c - write to a file and take snapshots, while somebody else sends
 * them.
 */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsioctl.h"
#include "common/hash.h"
#include "common/io.h"
#include "tests/torture/carry.h"
#include "tests/torture/cut_list.h"
#include "tests/torture/cutting.h"
#include "tests/torture/workshop.h"

#define AHEAD 8u		/* snapshots that may wait for the other side */
#define LIMIT (4u << 20)	/* size of the file */
#define OPERATIONS_MAX 40u	/* between two snapshots */
#define POLL_US 20000u
#define PAGE 4096

struct cutting {
	const char *directory;
	struct workpiece work;
	struct cut_list cuts;	/* that were not deleted yet */
	uint64_t first;		/* number of the first of them */
	struct operation_counts counts;
	uint64_t operations;
	FILE *log;
};

static int
open_all(struct cutting *c, uint64_t seed, struct err *err)
{
	char *live = path_format("%s/file", c->directory);
	char *other = path_format("%s/other", c->directory);
	char *log = path_format("%s/cuts", c->directory);
	struct workpiece *work = &c->work;
	struct fs_info info;
	void *buffer;

	if (live == NULL || other == NULL || log == NULL ||
	    posix_memalign(&buffer, PAGE, LIMIT) != 0)
		return err_set(err, ERR_FAILED, "no memory");
	work->path = live;
	work->fd = open(live, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	work->direct = open(live, O_RDWR | O_DIRECT | O_CLOEXEC);
	work->other = open(other, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	work->limit = LIMIT;
	work->buffer = buffer;
	work->chance.state = seed;
	work->preallocate = true;
	c->log = fopen(log, "w");
	free(other);
	free(log);
	if (work->fd < 0 || work->other < 0 || c->log == NULL ||
	    fs_info(work->fd, &info) != 0)
		return err_sys(err, ERR_FAILED, "%s", live);
	work->block = info.block_size;
	return 0;
}

static void
close_all(struct cutting *c)
{
	if (c->log != NULL)
		fclose(c->log);
	if (c->work.direct >= 0)
		close(c->work.direct);
	if (c->work.fd >= 0)
		close(c->work.fd);
	if (c->work.other >= 0)
		close(c->work.other);
	free(c->work.buffer);
	free((char *)c->work.path);
	cut_list_free(&c->cuts);
}

/* Tell the other side about the newest snapshot. */
static int
announce(struct cutting *c, const char *name, struct err *err)
{
	const char *path = c->cuts.paths[c->cuts.count - 1];
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct hash128 hash;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0 ||
	    io_pread(fd, c->work.buffer, (size_t)st.st_size, 0) !=
	    (ssize_t)st.st_size)
		return err_sys(err, ERR_FAILED, "cannot read %s", path);
	close(fd);
	hash = hash128(c->work.buffer, (size_t)st.st_size);
	fprintf(c->log, "%s %" PRIu64 " ", name, (uint64_t)st.st_size);
	for (int i = 0; i < HASH128_SIZE; i++)
		fprintf(c->log, "%02x", hash.bytes[i]);
	fputc('\n', c->log);
	if (fflush(c->log) != 0 || fsync(fileno(c->log)) != 0)
		return err_sys(err, ERR_FAILED, "cannot announce %s", path);
	return 0;
}

/* The newest snapshot that the other side is done with, 0 if none. */
static uint64_t
acknowledged(const struct cutting *c)
{
	char *path = path_format("%s/ack", c->directory);
	FILE *file = path != NULL ? fopen(path, "r") : NULL;
	uint64_t number = 0;

	if (file != NULL) {
		if (fscanf(file, "c%" SCNu64, &number) != 1)
			number = 0;
		fclose(file);
	}
	free(path);
	return number;
}

/* Wait until the other side is not far behind; delete what it needs no more. */
static void
wait_and_delete(struct cutting *c, uint64_t newest)
{
	uint64_t done;

	while ((done = acknowledged(c)) + AHEAD < newest)
		usleep(POLL_US);
	for (; c->first < done; c->first++)
		cut_list_drop(&c->cuts, 0);
	c->work.cuts = c->cuts.paths;
	c->work.cut_count = c->cuts.count;
}

static int
take(struct cutting *c, uint64_t number, struct err *err)
{
	char name[32];
	char *path;
	int rc;

	snprintf(name, sizeof(name), "c%06" PRIu64, number);
	rc = carry_create(c->work.path, name, false, err);
	if (rc != 0)
		return rc;
	path = path_format("%s/.snapshot/file.%s", c->directory, name);
	if (path == NULL)
		return err_sys(err, ERR_FAILED, "%s", name);
	rc = cut_list_add(&c->cuts, path, false, err);
	return rc != 0 ? rc : announce(c, name, err);
}

int
cutting_run(const char *directory, uint64_t seed, uint64_t cuts,
    struct err *err)
{
	struct cutting c = { .directory = directory, .first = 1 };
	uint64_t count;
	int rc;

	rc = open_all(&c, seed, err);
	for (uint64_t number = 1; rc == 0 && number <= cuts; number++) {
		count = 1 + chance_below(&c.work.chance, OPERATIONS_MAX);
		for (; rc == 0 && count > 0; count--) {
			rc = operation_do(&c.work, &c.counts, err);
			if (rc == 0)
				c.operations++;
			if (rc > 0)
				rc = 0;
		}
		if (rc == 0)
			rc = take(&c, number, err);
		if (rc == 0)
			wait_and_delete(&c, number);
	}
	if (rc == 0)
		printf("seed %" PRIu64 ": %" PRIu64 " operations, %" PRIu64
		    " snapshots\n", seed, c.operations, cuts);
	close_all(&c);
	return rc;
}
