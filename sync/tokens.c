/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tokens.c - what the far side has received in part, and can go on with.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "send/resume.h"
#include "sync/tokens.h"

static int
add(struct tokens *tokens, const struct token *token, struct err *err)
{
	struct token *grown = realloc(tokens->items,
	    (tokens->count + 1) * sizeof(*grown));

	if (grown == NULL)
		return err_sys(err, ERR_FAILED, "what is there in part");
	tokens->items = grown;
	tokens->items[tokens->count++] = *token;
	return 0;
}

int
tokens_fetch(struct peer *peer, struct tokens *tokens, struct err *err)
{
	int rc;

	memset(tokens, 0, sizeof(*tokens));
	rc = talk_put_type(peer->talk, DIALOGUE_UNFINISHED, err);
	while (rc == 0) {
		rc = talk_expect(peer->talk, DIALOGUE_TOKEN, &peer->message,
		    err);
		if (rc == 0)
			rc = add(tokens, &peer->message.u.token, err);
	}
	return rc < 0 ? rc : 0;
}

void
tokens_free(struct tokens *tokens)
{
	free(tokens->items);
	memset(tokens, 0, sizeof(*tokens));
}

const struct token *
tokens_find(const struct tokens *tokens, const struct chain *chain)
{
	size_t index;

	for (size_t i = 0; i < tokens->count; i++) {
		struct err other = ERR_INIT;

		if (resume_find(chain, &tokens->items[i], &index, &other) == 0)
			return &tokens->items[i];
	}
	return NULL;
}
