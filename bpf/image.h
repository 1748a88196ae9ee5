/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading an image: blocks and words of its tables by index (maps/layout.h). What stands in the front (maps/front.h) costs a
 * comparison and a load; beyond, two lookups more.
 */
#ifndef PORTMATRIX_BPF_IMAGE_H_
#define PORTMATRIX_BPF_IMAGE_H_

#include "bpf/maps.h"

struct image {
	struct pm_front *front; /* null: there is no such slot, and every block is missing */
	__u32 slot;
};

static __always_inline struct image image_in(__u32 slot)
{
	return (struct image){ .front = bpf_map_lookup_elem(&fronts, &slot), .slot = slot };
}

static __always_inline struct pm_block *block_beyond(__u32 slot, enum pm_table table, __u32 index)
{
	__u32 place = slot * PM_TABLES_PER_SLOT + table;
	void *map = bpf_map_lookup_elem(&tables, &place);

	return map ? bpf_map_lookup_elem(map, &index) : NULL;
}

/* Block `index` of a table, or nothing where the table ends before it. `table` is a constant. */
static __always_inline struct pm_block *block_of(const struct image *image, enum pm_table table, __u32 index)
{
	if (!image->front)
		return NULL;
	asm volatile("" : "+r"(index)); /* or the compiler compares what it was made from, which the verifier does not follow */
	switch (table) {
#define X(identifier, blocks)                                                                                          \
	case PM_TABLE_##identifier:                                                                                    \
		if (index < (blocks))                                                                                  \
			return &image->front->identifier[index];                                                       \
		return block_beyond(image->slot, table, index - (blocks));
		PM_FRONT(X)
#undef X
	default:
		return NULL;
	}
}

/* Word `index` of a table of words; false where the table ends before it. */
static __always_inline bool read_word(const struct image *image, enum pm_table table, __u32 index, __u32 *word)
{
	struct pm_block *block = NULL;

	if (!image->front)
		return false;
	asm volatile("" : "+r"(index));
	switch (table) {
#define X(identifier, blocks)                                                                                          \
	case PM_TABLE_##identifier:                                                                                    \
		if (index < (blocks)*PM_BLOCK_WORDS) {                                                                 \
			*word = ((__u32 *)image->front->identifier)[index];                                            \
			return true;                                                                                   \
		}                                                                                                      \
		block = block_beyond(image->slot, table, index / PM_BLOCK_WORDS - (blocks));                           \
		break;
		PM_FRONT(X)
#undef X
	default:
		break;
	}
	if (!block)
		return false;
	*word = block->word[index % PM_BLOCK_WORDS];
	return true;
}

#endif /* PORTMATRIX_BPF_IMAGE_H_ */
