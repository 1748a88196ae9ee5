/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The lookup: addresses to classes, classes to a row and a column, those to a search tree, and in it the first matching
 * rule by protocol and destination port (or ICMP type and code), where needed by source port too. Its twin for user
 * space is maps/lookup.cc. Bounded work whatever the number of rules.
 */
#ifndef PORTMATRIX_BPF_MATCH_H_
#define PORTMATRIX_BPF_MATCH_H_

#include "bpf/fault.h"

/* Classes of source and destination in one word, so that they fit a call. */
#define CLASSES(source, destination) (((__u64)(source) << 32) | (destination))
#define SWAPPED(classes) (((classes) << 32) | ((classes) >> 32))

static __always_inline void *table_of(__u32 slot, __u32 table)
{
	__u32 index = slot * PM_TABLES_PER_SLOT + table;

	return bpf_map_lookup_elem(&tables, &index);
}

static __always_inline struct pm_block *block_of(void *table, __u32 index)
{
	return table ? bpf_map_lookup_elem(table, &index) : NULL;
}

static __always_inline __u32 class_of(void *trie4, void *trie6, const __u8 *address, __u8 family)
{
	__u32 *found = NULL;

	if (family == 4) {
		struct pm_prefix4 key = { .length = 32 };

		__builtin_memcpy(key.address, address, 4);
		if (trie4)
			found = bpf_map_lookup_elem(trie4, &key);
	} else {
		struct pm_prefix6 key = { .length = 128 };

		__builtin_memcpy(key.address, address, 16);
		if (trie6)
			found = bpf_map_lookup_elem(trie6, &key);
	}
	return found ? *found : 0;
}

/* The address stage. An address in no prefix has class 0. */
__noinline __u64 pm_classify(__u32 slot, struct pm_tuple *tuple)
{
	void *trie4 = NULL, *trie6 = NULL;

	if (!tuple)
		return 0;
	if (tuple->family == 4)
		trie4 = bpf_map_lookup_elem(&prefixes4, &slot);
	else
		trie6 = bpf_map_lookup_elem(&prefixes6, &slot);
	return CLASSES(class_of(trie4, trie6, tuple->source, tuple->family),
		       class_of(trie4, trie6, tuple->destination, tuple->family));
}

/* Word `index` of a table of words; `missing` is set where there is none. */
static __always_inline __u32 word_of(void *table, __u32 index, bool *missing)
{
	struct pm_block *block = block_of(table, index / PM_BLOCK_WORDS);

	if (!block) {
		*missing = true;
		return 0;
	}
	return block->word[index % PM_BLOCK_WORDS];
}

/* key >= first, without a branch: seven of them in a row would be 128 ways for the verifier, and misprediction at run time. */
static __always_inline __u32 reached(__u64 key, __u64 first)
{
	__u64 difference = key - first;

	asm volatile("" : "+r"(difference)); /* or the compiler finds the comparison again */
	return (__u32)(difference >> 63) ^ 1;
}

static __always_inline __u32 find_in_tree(void *trees, __u32 reference, __u32 key, bool *missing)
{
	__u32 levels = PM_TREE_LEVELS(reference);
	__u32 value = PM_TREE_BLOCK(reference);
	__u32 level;

	for (level = 0; level < PM_MAX_TREE_LEVELS; level++) {
		struct pm_block *block;
		__u32 interval;

		if (level >= levels)
			break;
		block = block_of(trees, value);
		if (!block) {
			*missing = true;
			return 0;
		}
		interval = reached(key, block->word[1]) + reached(key, block->word[2]) + reached(key, block->word[3]) +
			   reached(key, block->word[4]) + reached(key, block->word[5]) + reached(key, block->word[6]) +
			   reached(key, block->word[7]);
		value = block->word[PM_TREE_FANOUT + (interval & 7)];
	}
	return levels ? value : 0;
}

static __always_inline __u32 broken(void)
{
	count_fault(PM_FAULT_TABLE_MISSING);
	return PM_VALUE_BROKEN;
}

/* The value (maps/layout.h, PM_VALUE) of the first match for `tuple` among the interface's rules of `direction`. */
__noinline __u32 pm_match(__u32 slot, struct pm_interface *interface, __u32 direction, struct pm_tuple *tuple,
			  __u64 classes)
{
	__u32 row, column, reference, value;
	void *axes, *pairs, *trees;
	struct pm_matcher *matcher;
	bool missing = false;

	if (!interface || !tuple)
		return broken();
	matcher = &interface->matcher[direction & 1];
	axes = table_of(slot, PM_TABLE_AXES);
	pairs = table_of(slot, PM_TABLE_PAIRS);
	trees = table_of(slot, PM_TABLE_TREES);
	row = word_of(axes, matcher->source_axis + (__u32)(classes >> 32), &missing) & ~PM_AXIS_LOCAL;
	column = word_of(axes, matcher->destination_axis + (__u32)classes, &missing);
	reference = word_of(pairs, matcher->pairs + row * matcher->columns + column, &missing);
	value = find_in_tree(trees, reference, PM_SERVICE_KEY(tuple->protocol, tuple->destination_port), &missing);
	if (value & PM_VALUE_SOURCE_PORTS)
		value = find_in_tree(trees, value & ~PM_VALUE_SOURCE_PORTS, tuple->source_port, &missing);
	if (missing)
		return broken();
	return value;
}

/* Is an address of this class local to the interface? */
static __always_inline bool is_local(__u32 slot, struct pm_interface *interface, __u32 address_class, bool *missing)
{
	return word_of(table_of(slot, PM_TABLE_AXES), interface->matcher[PM_IN].source_axis + address_class, missing) &
	       PM_AXIS_LOCAL;
}

/* The counter slot of a rule that a value names. */
static __always_inline __u32 slot_of_value(__u32 slot, __u32 value, bool *missing)
{
	__u32 index = PM_VALUE_RULE(value) - 1;
	struct pm_block *block = block_of(table_of(slot, PM_TABLE_RULES), index / PM_RULES_PER_BLOCK);

	if (!block) {
		*missing = true;
		return 0;
	}
	return ((struct pm_rule *)block)[index % PM_RULES_PER_BLOCK].slot;
}

#endif /* PORTMATRIX_BPF_MATCH_H_ */
