/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map_model.c - a disk and two files on it, byte by byte.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/map_model.h"

uint8_t
map_model_byte(const struct map_model *model,
    const struct map_model_file *file, uint64_t at)
{
	if (at >= file->size || at >= MODEL_BYTES)
		return 0;
	return model->disk[file->map[at / MODEL_BLOCK]][at % MODEL_BLOCK];
}

uint32_t
map_model_new_block(struct map_model *model)
{
	const uint32_t block = model->next++;

	assert_true(block < MODEL_DISK);
	for (unsigned i = 0; i < MODEL_BLOCK; i++)
		model->disk[block][i] = (uint8_t)(block * 31 + i * 7 + 1);
	if (block % 7 == 0)
		memset(model->disk[block], 0, MODEL_BLOCK);
	return block;
}

void
map_model_share(struct map_model *model)
{
	for (unsigned i = 0; i < MODEL_BLOCKS; i++) {
		model->base.map[i] = map_model_new_block(model);
		model->snapshot.map[i] = model->base.map[i];
		model->base.split[i] = model->snapshot.split[i] = i % 4 == 0;
	}
}

static void
randomize_file(struct map_model_file *file)
{
	for (unsigned i = 0; i < MODEL_BLOCKS; i++) {
		file->split[i] = rand() % 8 == 0;
		/* Beyond the last block of a file there is nothing. */
		if (i * MODEL_BLOCK >= file->size)
			file->map[i] = 0;
		/* A hole has no flags. */
		file->untrusted[i] = file->map[i] != 0 && rand() % 10 == 0;
	}
}

void
map_model_randomize(struct map_model *model)
{
	model->next = 1;
	model->base.size = 1 + (uint64_t)rand() % MODEL_BYTES;
	model->snapshot.size = rand() % 2 ? model->base.size :
	    1 + (uint64_t)rand() % MODEL_BYTES;
	for (unsigned i = 0; i < MODEL_BLOCKS; i++) {
		model->base.map[i] = rand() % 4 == 0 ? 0 :
		    map_model_new_block(model);
		model->snapshot.map[i] = model->base.map[i];
		if (rand() % 4 == 0)
			model->snapshot.map[i] = rand() % 3 == 0 ? 0 :
			    map_model_new_block(model);
	}
	randomize_file(&model->base);
	randomize_file(&model->snapshot);
}

void
map_model_move(struct map_model *model, unsigned i)
{
	const uint32_t left = model->base.map[i];
	const uint32_t fresh = model->next++;
	uint8_t other[MODEL_BLOCK];

	assert_true(fresh < MODEL_DISK);
	if (left == 0 || model->snapshot.map[i] == 0 ||
	    left == model->snapshot.map[i])
		return;
	memcpy(other, model->disk[model->snapshot.map[i]], MODEL_BLOCK);
	memcpy(model->disk[fresh], model->disk[left], MODEL_BLOCK);
	memcpy(model->disk[left], other, MODEL_BLOCK);
	model->base.map[i] = fresh;
	model->snapshot.map[i] = left;
}
