/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_seal.c - seals are read back as written, and tell every change.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "snapshot/seal.h"

/* A file in the build directory that has no name any more. */
static int
temporary_file(void)
{
	char name[] = "seal.XXXXXX";
	const int fd = mkstemp(name);

	assert_true(fd >= 0);
	assert_int_equal(unlink(name), 0);
	assert_int_equal(ftruncate(fd, 5000), 0);
	return fd;
}

/* A file that can be sealed; skips the test where none can. */
static int
sealable_file(void)
{
	const int fd = temporary_file();

	if (fsetxattr(fd, "user.test", "", 0, 0) != 0 && errno == EOPNOTSUPP) {
		close(fd);
		print_message("# SKIP no user attributes on the file system "
		    "of the build directory\n");
		skip();
	}
	return fd;
}

static struct seal
sample(void)
{
	struct seal seal = {
		.generation = 3, .cut = UINT64_MAX - 1,
		.created = { 1700000000, 999999999 }, .mode = 06755,
		.origin = "vm \xff\n.img", .name = "mon",
	};

	memset(seal.id.bytes, 0xa1, sizeof(seal.id.bytes));
	memset(seal.lineage.bytes, 0xb2, sizeof(seal.lineage.bytes));
	seal.digest.algorithm = DIGEST_ALGORITHM_XXH3;
	seal.digest.block_size = DIGEST_BLOCK;
	memset(seal.digest.value, 0xc3, sizeof(seal.digest.value));
	return seal;
}

static void
assert_seals(const struct seal *a, const struct seal *b)
{
	assert_true(uuid_equal(&a->id, &b->id));
	assert_true(uuid_equal(&a->lineage, &b->lineage));
	assert_true(a->generation == b->generation);
	assert_true(a->cut == b->cut);
	assert_int_equal(time_compare(&a->created, &b->created), 0);
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->digest.algorithm, b->digest.algorithm);
	assert_int_equal(a->digest.block_size, b->digest.block_size);
	assert_memory_equal(a->digest.value, b->digest.value, DIGEST_BYTES);
	assert_string_equal(a->origin, b->origin);
	assert_string_equal(a->name, b->name);
	assert_true(identity_same(&a->identity, &b->identity));
	assert_int_equal(time_compare(&a->after, &b->after), 0);
	assert_int_equal(time_compare(&a->before, &b->before), 0);
}

static enum seal_state
check(const struct seal *seal, const struct identity *identity)
{
	char text[128];
	const enum seal_state state = seal_check(seal, identity, text,
	    sizeof(text));

	/* The text is there exactly if there is something to tell. */
	assert_int_equal(text[0] != '\0', state != SEAL_VALID);
	return state;
}

static enum seal_state
check_file(int fd)
{
	struct err err = ERR_INIT;
	struct identity identity;
	struct seal seal;

	assert_int_equal(seal_read(fd, "file", &seal, &err), 0);
	assert_int_equal(identity_read(fd, "file", &identity, &err), 0);
	return check(&seal, &identity);
}

static void
test_round_trip(void **state)
{
	const int fd = sealable_file();
	struct err err = ERR_INIT;
	struct seal seal = sample(), back;

	(void)state;
	assert_int_equal(seal_read(fd, "file", &back, &err), 1);
	assert_int_equal(seal_write(fd, "file", &seal, 0444, &err), 0);
	assert_int_equal(seal_read(fd, "file", &back, &err), 0);
	assert_seals(&back, &seal);
	memset(seal.origin, 'o', SEAL_NAME_MAX);
	memset(seal.name, 'n', SEAL_NAME_MAX);
	assert_int_equal(seal_write(fd, "file", &seal, 0444, &err), 0);
	assert_int_equal(seal_read(fd, "file", &back, &err), 0);
	assert_seals(&back, &seal);
	close(fd);
}

/* The life of a real file: sealed, made read-only, written to. */
static void
test_file(void **state)
{
	const struct timespec nap = { 0, 30000000 };
	const int fd = sealable_file();
	struct err err = ERR_INIT;
	struct seal seal = sample();
	struct timespec times[2];
	struct stat st;

	(void)state;
	assert_int_equal(seal_write(fd, "file", &seal, 0444, &err), 0);
	/* The mode that was announced is not there yet. */
	assert_int_equal(check_file(fd), SEAL_BROKEN);
	assert_int_equal(fchmod(fd, 0444), 0);
	assert_int_equal(check_file(fd), SEAL_VALID);
	/* Writable: any later change shows, even in ctime alone. */
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(seal_write(fd, "file", &seal, 0644, &err), 0);
	assert_int_equal(check_file(fd), SEAL_VALID);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pwrite(fd, "x", 1, 0), 1);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	assert_int_equal(futimens(fd, times), 0);
	assert_int_equal(check_file(fd), SEAL_BROKEN);
	/* The same with another mtime, and with another size. */
	assert_int_equal(seal_write(fd, "file", &seal, 0644, &err), 0);
	nanosleep(&nap, NULL);
	assert_int_equal(check_file(fd), SEAL_VALID);
	assert_int_equal(pwrite(fd, "y", 1, 0), 1);
	assert_int_equal(check_file(fd), SEAL_BROKEN);
	assert_int_equal(seal_write(fd, "file", &seal, 0644, &err), 0);
	assert_int_equal(ftruncate(fd, 5001), 0);
	assert_int_equal(check_file(fd), SEAL_BROKEN);
	close(fd);
}

/* A copy that takes the attribute along is not the snapshot. */
static void
test_copy(void **state)
{
	const int fd = sealable_file();
	const int copy = temporary_file();
	struct err err = ERR_INIT;
	struct seal seal = sample();
	struct timespec times[2];
	uint8_t bytes[1024];
	struct stat st;
	ssize_t n;

	(void)state;
	assert_int_equal(seal_write(fd, "file", &seal, 0444, &err), 0);
	n = fgetxattr(fd, SEAL_XATTR, bytes, sizeof(bytes));
	assert_true(n > 0);
	assert_int_equal(fsetxattr(copy, SEAL_XATTR, bytes, (size_t)n, 0), 0);
	assert_int_equal(fstat(fd, &st), 0);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	assert_int_equal(futimens(copy, times), 0);
	assert_int_equal(fchmod(copy, 0444), 0);
	assert_int_equal(check_file(copy), SEAL_BROKEN);
	close(copy);
	close(fd);
}

/* A seal of a file with these bits, and the identity that passes it. */
static struct seal
sealed_at(mode_t mode, struct identity *identity)
{
	struct seal seal = sample();

	memset(seal.identity.filesystem.bytes, 1, UUID_SIZE);
	seal.identity.subvolume = 5;
	seal.identity.inode = 131;
	seal.identity.generation = 7;
	seal.identity.birth = (struct timespec){ 1000, 1 };
	seal.identity.size = 4096;
	seal.identity.mtime = (struct timespec){ 2000, 2 };
	seal.identity.mode = mode;
	memset(seal.identity.mounting.bytes, 3, UUID_SIZE);
	seal.after = (struct timespec){ 3000, 500 };
	seal.before = (struct timespec){ 3002, 500 };
	*identity = seal.identity;
	identity->ctime = (struct timespec){ 3001, 0 };
	return seal;
}

/* Change field number n of an identity; false if there is no such field. */
static bool
change_field(struct identity *identity, int n)
{
	switch (n) {
	case 0: identity->filesystem.bytes[UUID_SIZE - 1] ^= 1; return true;
	case 1: identity->subvolume++; return true;
	case 2: identity->inode++; return true;
	case 3: identity->generation++; return true;
	case 4: identity->birth.tv_sec++; return true;
	case 5: identity->birth.tv_nsec++; return true;
	case 6: identity->size++; return true;
	case 7: identity->mtime.tv_sec--; return true;
	case 8: identity->mtime.tv_nsec--; return true;
	case 9: identity->mode ^= 0001; return true;
	case 10: identity->mode ^= 04000; return true;
	default: return false;
	}
}

/* No field of an identity is lost, whatever this file system gives. */
static void
test_identity_form(void **state)
{
	uint8_t bytes[IDENTITY_ENCODED_SIZE];
	struct buf_writer w = { .data = bytes, .size = sizeof(bytes) };
	struct buf_reader r = { .data = bytes, .size = sizeof(bytes) };
	struct identity identity, back;

	(void)state;
	sealed_at(0644, &identity);
	identity_put(&w, &identity);
	identity_get(&r, &back);
	assert_true(buf_complete(&r));
	assert_true(identity_same(&identity, &back));
	assert_true(uuid_equal(&identity.mounting, &back.mounting));
}

/* A file that can be written to is believed within one mounting of its file system. */
static void
test_mounting(void **state)
{
	struct identity identity, later;
	struct seal seal;

	(void)state;
	seal = sealed_at(0644, &identity);
	later = identity;
	later.mounting.bytes[UUID_SIZE - 1] ^= 1;
	assert_false(identity_uncertain(&identity, &identity));
	assert_true(identity_uncertain(&identity, &later));
	assert_int_equal(check(&seal, &later), SEAL_BROKEN);
	/* Nor if nothing is known of either. */
	memset(&later.mounting, 0, sizeof(later.mounting));
	seal.identity.mounting = later.mounting;
	assert_true(identity_uncertain(&later, &later));
	assert_int_equal(check(&seal, &later), SEAL_BROKEN);
	/* What nobody can write to outlives it. */
	seal = sealed_at(0444, &identity);
	assert_int_equal(check(&seal, &identity), SEAL_VALID);
	memset(&identity.mounting, 0, sizeof(identity.mounting));
	assert_int_equal(check(&seal, &identity), SEAL_VALID);
}

static void
test_each_field(void **state)
{
	static const mode_t modes[] = { 0444, 0644 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct identity identity;
		const struct seal seal = sealed_at(modes[i], &identity);
		struct identity changed = identity;

		assert_int_equal(check(&seal, &identity), SEAL_VALID);
		for (int n = 0; change_field(&changed, n); n++) {
			assert_int_equal(check(&seal, &changed), SEAL_BROKEN);
			changed = identity;
		}
	}
}

/* ctime: inside the interval, its ends included; outside it depends. */
static void
test_ctime(void **state)
{
	static const struct {
		struct timespec ctime;
		bool inside;
	} cases[] = {
		{ { 3000, 499 }, false }, { { 3000, 500 }, true },
		{ { 3001, 999999999 }, true }, { { 3002, 500 }, true },
		{ { 3002, 501 }, false }, { { 9000, 0 }, false },
		{ { 0, 0 }, false },
	};
	static const struct {
		mode_t mode;
		enum seal_state outside;
	} modes[] = {
		{ 0444, SEAL_TOUCHED }, { 0000, SEAL_TOUCHED },
		{ 0555, SEAL_TOUCHED }, { 0644, SEAL_BROKEN },
		{ 0464, SEAL_BROKEN }, { 0446, SEAL_BROKEN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		for (size_t j = 0; j < sizeof(cases) / sizeof(cases[0]); j++) {
			struct identity identity;
			const struct seal seal = sealed_at(modes[i].mode,
			    &identity);

			identity.ctime = cases[j].ctime;
			assert_int_equal(check(&seal, &identity),
			    cases[j].inside ? SEAL_VALID : modes[i].outside);
		}
	}
}

static void
assert_malformed(int fd, const uint8_t *bytes, size_t size)
{
	struct err err = ERR_INIT;
	struct seal seal;

	assert_int_equal(fsetxattr(fd, SEAL_XATTR, bytes, size, 0), 0);
	assert_int_equal(seal_read(fd, "file", &seal, &err), -ERR_IDENTITY);
	assert_int_equal(err.code, ERR_IDENTITY);
}

static void
test_malformed(void **state)
{
	const int fd = sealable_file();
	struct err err = ERR_INIT;
	struct seal seal = sample();
	uint8_t good[1024], bytes[2048] = { 0 };
	ssize_t n;

	(void)state;
	assert_int_equal(seal_write(fd, "file", &seal, 0444, &err), 0);
	n = fgetxattr(fd, SEAL_XATTR, good, sizeof(good));
	assert_true(n > 0);
	/* Cut everywhere, one byte too many, far too long. */
	for (size_t size = 0; size < (size_t)n; size++)
		assert_malformed(fd, good, size);
	memcpy(bytes, good, (size_t)n);
	assert_malformed(fd, bytes, (size_t)n + 1);
	assert_malformed(fd, bytes, sizeof(bytes));
	/* Another version, no id, an origin that is too long. */
	bytes[0]++;
	assert_malformed(fd, bytes, (size_t)n);
	bytes[1]++;
	assert_malformed(fd, bytes, (size_t)n);
	memcpy(bytes, good, 2);
	memset(bytes + 2, 0, UUID_SIZE);
	assert_malformed(fd, bytes, (size_t)n);
	memset(seal.origin, 'o', SEAL_NAME_MAX);
	assert_int_equal(seal_write(fd, "file", &seal, 0444, &err), 0);
	n = fgetxattr(fd, SEAL_XATTR, bytes, sizeof(bytes));
	for (ssize_t i = 0; i + 4 < n; i++) {
		if (bytes[i] == SEAL_NAME_MAX && bytes[i + 1] == 0 &&
		    bytes[i + 2] == 'o') {
			memmove(bytes + i + 3, bytes + i + 2,
			    (size_t)(n - i) - 2);
			bytes[i] = 0;
			bytes[i + 1] = 1;
			break;
		}
	}
	assert_malformed(fd, bytes, (size_t)n + 1);
	close(fd);
}

static void
test_age(void **state)
{
	struct seal a = sample(), b = a;

	(void)state;
	assert_int_equal(seal_compare_age(&a, &b), 0);
	b.created.tv_sec++;
	assert_true(seal_compare_age(&a, &b) < 0);
	a.cut++;
	assert_true(seal_compare_age(&a, &b) > 0);
	b.generation++;
	assert_true(seal_compare_age(&a, &b) < 0);
	assert_true(seal_compare_age(&b, &a) > 0);
	assert_false(seal_is_plain(&a));
	a.origin[0] = '\0';
	assert_true(seal_is_plain(&a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_identity_form),
		cmocka_unit_test(test_each_field),
		cmocka_unit_test(test_mounting),
		cmocka_unit_test(test_ctime),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_age),
	};

	return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
