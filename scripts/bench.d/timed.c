/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timed.c - run a command and write what it cost into a file, in one line:
 * seconds, seconds of user and of system time, and the peak memory in KiB of
 * its largest process.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double
seconds(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

int
main(int argc, char **argv)
{
	struct rusage usage;
	double start, taken;
	FILE *file;
	pid_t pid;
	int status;

	if (argc < 3) {
		fprintf(stderr, "usage: timed FILE COMMAND...\n");
		return 2;
	}
	start = now();
	pid = fork();
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (pid == -1 || waitpid(pid, &status, 0) != pid) {
		perror("timed");
		return 1;
	}
	taken = now() - start;
	getrusage(RUSAGE_CHILDREN, &usage);
	file = fopen(argv[1], "w");
	if (file == NULL) {
		perror(argv[1]);
		return 1;
	}
	fprintf(file, "%.6f %.6f %.6f %ld\n", taken,
	    seconds(&usage.ru_utime), seconds(&usage.ru_stime),
	    usage.ru_maxrss);
	if (fclose(file) != 0) {
		perror(argv[1]);
		return 1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
