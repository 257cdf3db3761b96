/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_dialogue.c - messages between refsync and the far side: each comes back
 * as it was, and nothing else passes.
 */
#include "config.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/hash.h"
#include "common/le.h"
#include "stream-format/dialogue.h"
#include "stream-format/talk.h"

static uint8_t buffer[DIALOGUE_HEADER_SIZE + DIALOGUE_PAYLOAD_MAX];

/* One message of each type, with something in every field. */
static struct dialogue
sample(enum dialogue_type type)
{
	static const struct uuid id = { { 1, 2, 3, 4, 5, 6, 7, 8, 9 } };
	struct dialogue m;

	memset(&m, 0, sizeof(m));
	m.type = type;
	switch (type) {
	case DIALOGUE_HELLO:
		m.u.hello.version = 1;
		m.u.hello.stream = 2;
		m.u.hello.features = 0x102030405060708;
		strcpy(m.u.hello.program, "refrecv 1.2");
		break;
	case DIALOGUE_OPEN:
		m.u.open.make = true;
		memset(m.u.open.path, 'x', DIALOGUE_PATH_MAX);
		break;
	case DIALOGUE_LIST:
		m.u.list.lineage = id;
		break;
	case DIALOGUE_HELD:
		m.u.held.id = m.u.held.lineage = id;
		m.u.held.generation = 7;
		m.u.held.cut = 8;
		m.u.held.size = UINT64_MAX;
		m.u.held.created.tv_sec = -5;
		m.u.held.created.tv_nsec = 999999999;
		m.u.held.valid = true;
		strcpy(m.u.held.name, "monday");
		break;
	case DIALOGUE_HOLD:
		m.u.hold.id = id;
		strcpy(m.u.hold.tag, "refsync.host.1");
		break;
	case DIALOGUE_STREAM:
		m.u.stream.live = true;
		strcpy(m.u.stream.as, "db");
		break;
	case DIALOGUE_RECEIVED:
		m.u.received.id = id;
		m.u.received.present = true;
		m.u.received.data = 5;
		strcpy(m.u.received.file, "vm.img.monday");
		break;
	case DIALOGUE_PRUNE:
		strcpy(m.u.prune.origin, "vm.img");
		m.u.prune.dry_run = true;
		strcpy(m.u.prune.policy, "14d 8w");
		m.u.prune.keep_count = DIALOGUE_KEEP_MAX;
		m.u.prune.keep[DIALOGUE_KEEP_MAX - 1] = id;
		m.u.prune.lineage = id;
		strcpy(m.u.prune.tag, "refsync.host.1");
		m.u.prune.ahead_count = DIALOGUE_AHEAD_MAX;
		m.u.prune.ahead[DIALOGUE_AHEAD_MAX - 1] = -5;
		break;
	case DIALOGUE_PRUNED:
		m.u.pruned.id = id;
		strcpy(m.u.pruned.file, "vm.img.monday");
		break;
	case DIALOGUE_ERROR:
		m.u.error.code = ERR_HOOK;
		memset(m.u.error.text, 't', DIALOGUE_TEXT_MAX);
		break;
	case DIALOGUE_CREATE:
		strcpy(m.u.create.origin, "vm.img");
		break;
	case DIALOGUE_SEND:
		m.u.send.id = m.u.send.base = id;
		m.u.send.between = true;
		m.u.send.level = DIALOGUE_LEVEL_AUTO;
		m.u.send.resume = true;
		m.u.send.token.snapshot = m.u.send.token.stream = id;
		m.u.send.token.offset = 3;
		break;
	case DIALOGUE_VERIFY:
		m.u.verify.id = id;
		break;
	case DIALOGUE_HASHES:
		m.u.hashes.count = DIALOGUE_HASHES_MAX;
		memset(m.u.hashes.hash, 7, sizeof(m.u.hashes.hash));
		break;
	case DIALOGUE_MEND:
		m.u.mend.id = id;
		m.u.mend.size = UINT64_MAX;
		memset(m.u.mend.whole.bytes, 9, SHA256_SIZE);
		break;
	case DIALOGUE_PATCH:
		m.u.patch.offset = 1ull << 40;
		m.u.patch.length = DIALOGUE_PATCH_MAX;
		memset(m.u.patch.bytes, 8, DIALOGUE_PATCH_MAX);
		break;
	case DIALOGUE_TOKEN:
		m.u.token.snapshot = m.u.token.base = m.u.token.stream = id;
		m.u.token.offset = UINT64_MAX;
		break;
	case DIALOGUE_DURABLE:
		m.u.durable.id = id;
		m.u.durable.offset = 9;
		break;
	case DIALOGUE_LIVE:
		m.u.live.id = id;
		strcpy(m.u.live.as, "db");
		break;
	case DIALOGUE_SEAL:
	case DIALOGUE_UNFINISHED:
	case DIALOGUE_DONE:
	case DIALOGUE_ALIVE:
	case DIALOGUE_BYE:
		break;
	}
	return m;
}

static int
decode(const uint8_t *bytes, struct dialogue *message, struct err *err)
{
	struct dialogue_header header;
	int rc = dialogue_decode_header(bytes, &header, err);

	return rc != 0 ? rc : dialogue_decode(bytes, &header,
	    bytes + DIALOGUE_HEADER_SIZE, message, err);
}

static void
test_round_trip(void **state)
{
	(void)state;
	for (int type = DIALOGUE_HELLO; type <= DIALOGUE_LIVE; type++) {
		const struct dialogue m = sample((enum dialogue_type)type);
		struct err err = ERR_INIT;
		struct dialogue back;
		size_t length;

		assert_int_equal(dialogue_encode(&m, buffer, &length, &err),
		    0);
		assert_int_equal(decode(buffer, &back, &err), 0);
		assert_memory_equal(&m, &back, sizeof(m));
		assert_string_not_equal(dialogue_name((uint32_t)type),
		    "unknown");
	}
}

static void
refused(const char *text)
{
	struct err err = ERR_INIT;
	struct dialogue message;

	assert_int_equal(decode(buffer, &message, &err), -ERR_STREAM);
	if (text != NULL && strstr(err.text, text) == NULL)
		fail_msg("no '%s' in: %s", text, err.text);
}

static size_t
put(const struct dialogue *message)
{
	struct err err = ERR_INIT;
	size_t length;

	assert_int_equal(dialogue_encode(message, buffer, &length, &err), 0);
	return length;
}

/* Any bit of a message that is turned is noticed. */
static void
test_flipped_bits(void **state)
{
	static const enum dialogue_type types[] = {
		DIALOGUE_HELLO, DIALOGUE_HELD, DIALOGUE_SEND, DIALOGUE_BYE,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		const struct dialogue m = sample(types[i]);
		const size_t length = put(&m);

		for (size_t bit = 0; bit < 8 * length; bit++) {
			buffer[bit / 8] ^= (uint8_t)(1u << bit % 8);
			refused(NULL);
			buffer[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
}

/* Give a bent message the checksum that belongs to it. */
static void
seal(void)
{
	const size_t length = le32_get(buffer + 8);

	le64_put(buffer + 16, hash64(0x31746c6469617266, buffer, 16,
	    buffer + DIALOGUE_HEADER_SIZE, length));
}

static void
test_bent(void **state)
{
	struct dialogue m = sample(DIALOGUE_RECEIVED);

	(void)state;
	put(&m);
	buffer[0] = 'X';
	refused("no message");
	put(&m);
	buffer[6] = 1;
	seal();
	refused("reserved");
	put(&m);
	buffer[13] = 1;
	seal();
	refused("reserved");
	put(&m);
	le32_put(buffer + 8, DIALOGUE_PAYLOAD_MAX + 1);
	refused("payload");
	put(&m);
	le16_put(buffer + 4, 99);
	seal();
	refused("type 99");
	/* Too short, too long. */
	put(&m);
	le32_put(buffer + 8, le32_get(buffer + 8) - 1);
	seal();
	refused("malformed");
	put(&m);
	le32_put(buffer + 8, le32_get(buffer + 8) + 1);
	seal();
	refused("malformed");
	/* Neither false nor true. */
	put(&m);
	buffer[DIALOGUE_HEADER_SIZE + 16] = 2;
	seal();
	refused("malformed");
	/* An error needs a code. */
	m = sample(DIALOGUE_ERROR);
	put(&m);
	le32_put(buffer + DIALOGUE_HEADER_SIZE, 0);
	seal();
	refused("malformed");
	/* A patch has bytes, and not too many. */
	m = sample(DIALOGUE_PATCH);
	m.u.patch.length = 1;
	put(&m);
	le32_put(buffer + 8, le32_get(buffer + 8) - 1);
	le32_put(buffer + DIALOGUE_HEADER_SIZE + 8, 0);
	seal();
	refused("malformed");
	m.u.patch.length = DIALOGUE_PATCH_MAX;
	put(&m);
	le32_put(buffer + 8, le32_get(buffer + 8) + 1);
	le32_put(buffer + DIALOGUE_HEADER_SIZE + 8, DIALOGUE_PATCH_MAX + 1);
	seal();
	refused("malformed");
	/* The next version may say more in its HELLO. */
	m = sample(DIALOGUE_HELLO);
	put(&m);
	le32_put(buffer + 8, le32_get(buffer + 8) + 3);
	seal();
	assert_int_equal(decode(buffer, &m, &(struct err)ERR_INIT), 0);
}

static void
test_names(void **state)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "/" };
	struct dialogue m = sample(DIALOGUE_RECEIVED);
	struct err err = ERR_INIT;
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		strcpy(m.u.received.file, bad[i]);
		err_clear(&err);
		assert_int_equal(dialogue_encode(&m, buffer, &length, &err),
		    -ERR_FAILED);
	}
	/* Not written, but it may come. */
	strcpy(m.u.received.file, "a.b");
	put(&m);
	buffer[DIALOGUE_HEADER_SIZE + 16 + 1 + 8 + 2 + 1] = '/';
	seal();
	refused("malformed");
	buffer[DIALOGUE_HEADER_SIZE + 16 + 1 + 8 + 2 + 1] = '\0';
	seal();
	refused("malformed");
}

/* Two ends that talk over pipes. */
static void
test_talk(void **state)
{
	struct dialogue message = sample(DIALOGUE_LIST);
	struct err err = ERR_INIT;
	struct talk *talk;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(talk_new(fds[0], fds[1], "peer", 1, &talk, &err), 0);
	assert_int_equal(talk_put_type(talk, DIALOGUE_ALIVE, &err), 0);
	assert_int_equal(talk_put(talk, &message, &err), 0);
	assert_int_equal(talk_expect(talk, DIALOGUE_LIST, &message, &err), 0);
	assert_int_equal(talk_put_type(talk, DIALOGUE_DONE, &err), 0);
	assert_int_equal(talk_expect(talk, DIALOGUE_HELD, &message, &err), 1);
	assert_int_equal(talk_put_type(talk, DIALOGUE_BYE, &err), 0);
	assert_int_equal(talk_expect(talk, DIALOGUE_HELD, &message, &err),
	    -ERR_STREAM);
	assert_non_null(strstr(err.text, "BYE comes where HELD is due"));
	/* An error is that of the peer. */
	err_clear(&err);
	message = sample(DIALOGUE_ERROR);
	strcpy(message.u.error.text, "no");
	assert_int_equal(talk_put(talk, &message, &err), 0);
	assert_int_equal(talk_get(talk, &message, &err), -ERR_HOOK);
	assert_string_equal(err.text, "peer: no");
	/* Silence, and the end. */
	err_clear(&err);
	assert_int_equal(talk_get(talk, &message, &err), -ERR_FAILED);
	assert_non_null(strstr(err.text, "no sign of life for 1 seconds"));
	close(fds[1]);
	err_clear(&err);
	assert_int_equal(talk_get(talk, &message, &err), 1);
	talk_free(talk);
	close(fds[0]);
}

static void *
say_goodbye(void *speaker)
{
	struct err ignored = ERR_INIT;

	sleep(6);
	talk_put_type(speaker, DIALOGUE_BYE, &ignored);
	return NULL;
}

/* While it beats, silence is no silence. */
static void
test_beat(void **state)
{
	struct dialogue message;
	struct err err = ERR_INIT;
	struct talk *speaker, *hearer;
	pthread_t thread;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(talk_new(-1, fds[1], "speaker", 0, &speaker, &err),
	    0);
	assert_int_equal(talk_new(fds[0], -1, "hearer", 4, &hearer, &err), 0);
	assert_int_equal(talk_beat(speaker, true, &err), 0);
	assert_int_equal(pthread_create(&thread, NULL, say_goodbye, speaker),
	    0);
	assert_int_equal(talk_get(hearer, &message, &err), 0);
	assert_int_equal(message.type, DIALOGUE_BYE);
	pthread_join(thread, NULL);
	assert_int_equal(talk_beat(speaker, false, &err), 0);
	talk_free(speaker);
	talk_free(hearer);
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_flipped_bits),
		cmocka_unit_test(test_bent),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_talk),
		cmocka_unit_test(test_beat),
	};

	return cmocka_run_group_tests_name("dialogue", tests, NULL, NULL);
}
