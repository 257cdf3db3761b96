/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz.c - what the fuzz targets have in common.
 */
#include "config.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/io.h"
#include "tests/fuzz/fuzz.h"

void
fuzz_demand(bool holds, const char *format, ...)
{
	va_list ap;

	if (holds)
		return;
	fputs("finding: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}

int
fuzz_input(const uint8_t *data, size_t size)
{
	static int fd = -1;

	if (fd < 0) {
		/* Map what is large: zeros, and what is unused, are free. */
		mallopt(M_MMAP_THRESHOLD, 1 << 18);
		fd = memfd_create("input", MFD_CLOEXEC);
	}
	fuzz_demand(fd >= 0 && ftruncate(fd, (off_t)size) == 0 &&
	    io_pwrite(fd, data, size, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0,
	    "no input can be made");
	return fd;
}

/* cookie: the byte before, since C1 control characters have two in UTF-8. */
static ssize_t
check_text(void *cookie, const char *text, size_t size)
{
	uint8_t *before = cookie;

	for (size_t i = 0; i < size; i++) {
		const uint8_t byte = (uint8_t)text[i];

		fuzz_demand((byte >= ' ' || byte == '\n') && byte != 0x7f &&
		    (*before != 0xc2 || byte >= 0xa0),
		    "the control character %#x is printed", byte);
		*before = byte;
	}
	return (ssize_t)size;
}

FILE *
fuzz_output(void)
{
	static const cookie_io_functions_t functions = { .write = check_text };
	static uint8_t before;
	static FILE *out;

	if (out == NULL)
		out = fopencookie(&before, "w", functions);
	fuzz_demand(out != NULL, "no output can be made");
	return out;
}
