/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dialogue.c - encode and decode the messages between refsync and the far side.
 */
#include "config.h"

#include <string.h>

#include "common/buf.h"
#include "common/hash.h"
#include "common/le.h"
#include "stream-format/dialogue.h"

#define CHECKSUM 16u		/* where it lies in the header */
#define SEED 0x31746c6469617266u	/* no frame of a stream passes */

static const uint8_t magic[4] = { 'R', 'F', 'd', 'l' };

/* Puts or gets every field of a message, so that each is named once. */
struct fields {
	struct buf_writer *w;	/* putting, or NULL */
	struct buf_reader *r;	/* getting */
	bool bad;		/* a field that was got is outside its limits */
};

const char *
dialogue_name(uint32_t type)
{
	static const char *const names[] = {
		"unknown", "HELLO", "OPEN", "LIST", "HELD", "HOLD", "STREAM",
		"RECEIVED", "PRUNE", "PRUNED", "DONE", "ERROR", "ALIVE", "BYE",
		"CREATE", "SEND", "VERIFY", "HASHES", "MEND", "PATCH", "SEAL",
		"UNFINISHED", "TOKEN", "DURABLE", "LIVE",
	};
	const bool known = type < sizeof(names) / sizeof(*names) &&
	    names[type] != NULL;

	return names[known ? type : 0];
}

static void
field32(struct fields *f, uint32_t *value)
{
	if (f->w != NULL)
		buf_put32(f->w, *value);
	else
		*value = buf_get32(f->r);
}

static void
field64(struct fields *f, uint64_t *value)
{
	if (f->w != NULL)
		buf_put64(f->w, *value);
	else
		*value = buf_get64(f->r);
}

static void
field_bool(struct fields *f, bool *value)
{
	uint8_t byte = *value ? 1 : 0;

	if (f->w != NULL) {
		buf_put8(f->w, byte);
		return;
	}
	byte = buf_get8(f->r);
	f->bad = f->bad || byte > 1;
	*value = byte == 1;
}

/* Bytes of a length that is known. */
static void
field_bytes(struct fields *f, uint8_t *value, size_t length)
{
	const uint8_t *bytes;

	if (f->w != NULL)
		buf_put(f->w, value, length);
	else if ((bytes = buf_get(f->r, length)) != NULL)
		memcpy(value, bytes, length);
}

static void
field_uuid(struct fields *f, struct uuid *id)
{
	field_bytes(f, id->bytes, sizeof(id->bytes));
}

static void
field_seconds(struct fields *f, int64_t *seconds)
{
	uint64_t value = (uint64_t)*seconds;

	field64(f, &value);
	*seconds = (int64_t)value;
}

static void
field_time(struct fields *f, struct timespec *time)
{
	uint64_t seconds = (uint64_t)(int64_t)time->tv_sec;
	uint32_t nanoseconds = (uint32_t)time->tv_nsec;

	field64(f, &seconds);
	field32(f, &nanoseconds);
	f->bad = f->bad || nanoseconds >= 1000000000;
	time->tv_sec = (time_t)(int64_t)seconds;
	time->tv_nsec = (long)nanoseconds;
}

/* A string of at most max bytes without NUL; text has room for one more. */
static void
field_text(struct fields *f, char *text, size_t max)
{
	const uint8_t *bytes;
	size_t length = 0;

	if (f->w != NULL) {
		buf_put_string(f->w, text, strlen(text));
		return;
	}
	bytes = buf_get_string(f->r, &length);
	if (length > max || (length > 0 && memchr(bytes, '\0', length) != NULL)) {
		f->bad = true;
		length = 0;
	}
	if (length > 0)
		memcpy(text, bytes, length);
	text[length] = '\0';
}

/* The name of a file, which may be empty if optional. */
static void
field_name(struct fields *f, char text[RECORD_NAME_MAX + 1], bool optional)
{
	field_text(f, text, RECORD_NAME_MAX);
	if (optional && text[0] == '\0')
		return;
	f->bad = f->bad ||
	    !record_name_safe((const uint8_t *)text, strlen(text));
}

/* The tag of a hold: one of refsync's own; it may be empty if optional. */
static void
field_tag(struct fields *f, char tag[DIALOGUE_TAG_MAX + 1], bool optional)
{
	field_text(f, tag, DIALOGUE_TAG_MAX);
	if (optional && tag[0] == '\0')
		return;
	f->bad = f->bad || strncmp(tag, DIALOGUE_TAG_PREFIX,
	    strlen(DIALOGUE_TAG_PREFIX)) != 0;
}

static void
field_code(struct fields *f, enum err_code *code)
{
	uint32_t value = (uint32_t)*code;

	field32(f, &value);
	f->bad = f->bad || value == 0 || value > ERR_HOOK;
	*code = f->bad ? ERR_FAILED : (enum err_code)value;
}

static void
fields_held(struct fields *f, struct dialogue_held *held)
{
	field_uuid(f, &held->id);
	field_uuid(f, &held->lineage);
	field64(f, &held->generation);
	field64(f, &held->cut);
	field64(f, &held->size);
	field_time(f, &held->created);
	field_bool(f, &held->valid);
	field_bool(f, &held->held);
	field_name(f, held->origin, true);
	field_name(f, held->name, false);
}

static void
fields_prune(struct fields *f, struct dialogue_prune *prune)
{
	field_name(f, prune->origin, false);
	field_bool(f, &prune->dry_run);
	field_text(f, prune->policy, DIALOGUE_POLICY_MAX);
	field32(f, &prune->keep_count);
	if (prune->keep_count > DIALOGUE_KEEP_MAX) {
		f->bad = true;
		prune->keep_count = 0;
	}
	for (uint32_t i = 0; i < prune->keep_count; i++)
		field_uuid(f, &prune->keep[i]);
	field_uuid(f, &prune->lineage);
	field_tag(f, prune->tag, true);
	field32(f, &prune->ahead_count);
	if (prune->ahead_count > DIALOGUE_AHEAD_MAX) {
		f->bad = true;
		prune->ahead_count = 0;
	}
	for (uint32_t i = 0; i < prune->ahead_count; i++)
		field_seconds(f, &prune->ahead[i]);
}

static void
fields_token(struct fields *f, struct token *token)
{
	field_uuid(f, &token->snapshot);
	field_uuid(f, &token->base);
	field_uuid(f, &token->stream);
	field64(f, &token->offset);
}

static void
fields_send(struct fields *f, struct dialogue_send *send)
{
	field_uuid(f, &send->id);
	field_uuid(f, &send->base);
	field_bool(f, &send->between);
	field32(f, &send->level);
	field_bool(f, &send->resume);
	fields_token(f, &send->token);
}

static void
fields_hashes(struct fields *f, struct dialogue_hashes *hashes)
{
	field32(f, &hashes->count);
	if (hashes->count > DIALOGUE_HASHES_MAX) {
		f->bad = true;
		hashes->count = 0;
	}
	for (uint32_t i = 0; i < hashes->count; i++)
		field_bytes(f, hashes->hash[i].bytes, SHA256_SIZE);
}

static void
fields_patch(struct fields *f, struct dialogue_patch *patch)
{
	field64(f, &patch->offset);
	field32(f, &patch->length);
	if (patch->length == 0 || patch->length > DIALOGUE_PATCH_MAX) {
		f->bad = true;
		patch->length = 0;
	}
	field_bytes(f, patch->bytes, patch->length);
}

/* All fields of a message; false for an unknown type. */
static bool
fields_all(struct fields *f, struct dialogue *m)
{
	switch (m->type) {
	case DIALOGUE_HELLO:
		field32(f, &m->u.hello.version);
		field32(f, &m->u.hello.stream);
		field64(f, &m->u.hello.features);
		field_text(f, m->u.hello.program, RECORD_NAME_MAX);
		return true;
	case DIALOGUE_OPEN:
		field_bool(f, &m->u.open.make);
		field_text(f, m->u.open.path, DIALOGUE_PATH_MAX);
		return true;
	case DIALOGUE_LIST:
		field_uuid(f, &m->u.list.lineage);
		return true;
	case DIALOGUE_HELD:
		fields_held(f, &m->u.held);
		return true;
	case DIALOGUE_HOLD:
		field_uuid(f, &m->u.hold.id);
		field_tag(f, m->u.hold.tag, false);
		return true;
	case DIALOGUE_STREAM:
		field_bool(f, &m->u.stream.live);
		field_name(f, m->u.stream.as, true);
		return true;
	case DIALOGUE_RECEIVED:
		field_uuid(f, &m->u.received.id);
		field_bool(f, &m->u.received.present);
		field64(f, &m->u.received.data);
		field_name(f, m->u.received.file, false);
		return true;
	case DIALOGUE_PRUNE:
		fields_prune(f, &m->u.prune);
		return true;
	case DIALOGUE_PRUNED:
		field_uuid(f, &m->u.pruned.id);
		field_name(f, m->u.pruned.file, false);
		return true;
	case DIALOGUE_ERROR:
		field_code(f, &m->u.error.code);
		field_text(f, m->u.error.text, DIALOGUE_TEXT_MAX);
		return true;
	case DIALOGUE_CREATE:
		field_name(f, m->u.create.origin, false);
		return true;
	case DIALOGUE_SEND:
		fields_send(f, &m->u.send);
		return true;
	case DIALOGUE_VERIFY:
		field_uuid(f, &m->u.verify.id);
		return true;
	case DIALOGUE_HASHES:
		fields_hashes(f, &m->u.hashes);
		return true;
	case DIALOGUE_MEND:
		field_uuid(f, &m->u.mend.id);
		field64(f, &m->u.mend.size);
		field_bytes(f, m->u.mend.whole.bytes, SHA256_SIZE);
		return true;
	case DIALOGUE_PATCH:
		fields_patch(f, &m->u.patch);
		return true;
	case DIALOGUE_TOKEN:
		fields_token(f, &m->u.token);
		return true;
	case DIALOGUE_DURABLE:
		field_uuid(f, &m->u.durable.id);
		field64(f, &m->u.durable.offset);
		return true;
	case DIALOGUE_LIVE:
		field_uuid(f, &m->u.live.id);
		field_name(f, m->u.live.as, true);
		return true;
	case DIALOGUE_SEAL:
	case DIALOGUE_UNFINISHED:
	case DIALOGUE_DONE:
	case DIALOGUE_ALIVE:
	case DIALOGUE_BYE:
		return true;
	}
	return false;
}

/* The checksum covers the header before it, and the payload. */
static uint64_t
checksum(const uint8_t *header, const uint8_t *payload, size_t length)
{
	return hash64(SEED, header, CHECKSUM, payload, length);
}

int
dialogue_encode(const struct dialogue *message,
    uint8_t buffer[DIALOGUE_HEADER_SIZE + DIALOGUE_PAYLOAD_MAX],
    size_t *length, struct err *err)
{
	uint8_t *const payload = buffer + DIALOGUE_HEADER_SIZE;
	struct buf_writer w = { .data = payload, .size = DIALOGUE_PAYLOAD_MAX };
	struct fields f = { .w = &w };
	struct dialogue copy = *message;

	if (!fields_all(&f, &copy) || f.bad || w.overflow)
		return err_set(err, ERR_FAILED, "a %s cannot be told",
		    dialogue_name((uint32_t)message->type));
	memset(buffer, 0, DIALOGUE_HEADER_SIZE);
	memcpy(buffer, magic, sizeof(magic));
	le16_put(buffer + 4, (uint16_t)message->type);
	le32_put(buffer + 8, (uint32_t)w.used);
	le64_put(buffer + CHECKSUM, checksum(buffer, payload, w.used));
	*length = DIALOGUE_HEADER_SIZE + w.used;
	return 0;
}

int
dialogue_decode_header(const uint8_t bytes[DIALOGUE_HEADER_SIZE],
    struct dialogue_header *header, struct err *err)
{
	header->type = le16_get(bytes + 4);
	header->length = le32_get(bytes + 8);
	header->checksum = le64_get(bytes + CHECKSUM);
	if (memcmp(bytes, magic, sizeof(magic)) != 0)
		return err_set(err, ERR_STREAM, "no message begins here");
	if (le16_get(bytes + 6) != 0 || le32_get(bytes + 12) != 0)
		return err_set(err, ERR_STREAM,
		    "a reserved field of a message is not zero");
	if (header->length > DIALOGUE_PAYLOAD_MAX)
		return err_set(err, ERR_STREAM, "a message claims a payload of "
		    "%u bytes, more than %u", header->length,
		    DIALOGUE_PAYLOAD_MAX);
	return 0;
}

int
dialogue_decode(const uint8_t bytes[DIALOGUE_HEADER_SIZE],
    const struct dialogue_header *header, const uint8_t *payload,
    struct dialogue *message, struct err *err)
{
	const uint64_t computed = checksum(bytes, payload, header->length);
	struct buf_reader r = { .data = payload, .size = header->length };
	struct fields f = { .r = &r };

	if (!hash_matches(&header->checksum, &computed, sizeof(computed)))
		return err_set(err, ERR_STREAM,
		    "a message is damaged: its checksum is wrong");
	memset(message, 0, sizeof(*message));
	message->type = (enum dialogue_type)header->type;
	if (!fields_all(&f, message))
		return err_set(err, ERR_STREAM, "a message of type %u is not "
		    "known", header->type);
	/* A later version may say more in its HELLO. */
	if (f.bad || r.underrun ||
	    (message->type != DIALOGUE_HELLO && !buf_complete(&r)))
		return err_set(err, ERR_STREAM, "a %s is malformed",
		    dialogue_name(header->type));
	return 0;
}
