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
/* No address has these classes. */
#define CLASSES_BROKEN (~0ull)
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

/*
 * Is `first` below `beyond`? Without a branch: seven of them in a row would be 128 ways for the verifier, and misprediction at
 * run time.
 */
static __always_inline __u64 below(__u64 first, __u64 beyond)
{
	first -= beyond;
	asm volatile("" : "+r"(first)); /* or the compiler finds the comparison again */
	return first >> 63;
}

static __always_inline __u32 find_in_tree(void *trees, __u32 reference, __u32 key, bool *missing)
{
	__u32 levels = PM_TREE_LEVELS(reference);
	__u32 value = PM_TREE_BLOCK(reference);
	const __u64 beyond = (__u64)key + 1;
	__u32 level;

	for (level = 0; level < PM_MAX_TREE_LEVELS; level++) {
		struct pm_block *block;
		__u64 interval;

		if (level >= levels)
			break;
		block = block_of(trees, value);
		if (!block) {
			*missing = true;
			return 0;
		}
		interval = below(block->word[1], beyond) + below(block->word[2], beyond) + below(block->word[3], beyond) +
			   below(block->word[4], beyond) + below(block->word[5], beyond) + below(block->word[6], beyond) +
			   below(block->word[7], beyond);
		value = block->word[PM_TREE_FANOUT + (interval & 7)];
	}
	return levels ? value : 0;
}

static __always_inline __u32 find_in_wide_tree(void *trees, __u32 reference, __u64 key, bool *missing)
{
	__u32 levels = PM_TREE_LEVELS(reference);
	__u32 value = PM_TREE_BLOCK(reference) + (__u32)(key >> 63);
	const __u64 beyond = (key & PM_WIDE_UNUSED) + 1;
	__u32 level;

	for (level = 0; level < PM_MAX_TREE_LEVELS; level++) {
		struct pm_wide_block *block;
		__u64 interval;

		if (level >= levels)
			break;
		block = (struct pm_wide_block *)block_of(trees, value);
		if (!block) {
			*missing = true;
			return 0;
		}
		interval = below(block->first[0], beyond) + below(block->first[1], beyond) +
			   below(block->first[2], beyond) + below(block->first[3], beyond) +
			   below(block->first[4], beyond);
		if (interval >= PM_WIDE_FANOUT)
			break;
		value = block->value[interval];
	}
	return levels ? value : 0;
}

/* Half of an IPv6 address as a number. */
static __always_inline __u64 half_of(const __u32 *words)
{
	return ((__u64)bpf_ntohl(words[0]) << 32) | bpf_ntohl(words[1]);
}

/* The class of one address (maps/layout.h, "The address stage"): the longest prefix that contains it decides. */
static __always_inline __u32 class_of(void *addresses, void *trees, const __u8 *address, __u8 family, bool *missing)
{
	const __u32 *words = (const __u32 *)address;
	__u32 word;

	if (family == 4) {
		__u32 bits = bpf_ntohl(words[0]);

		word = word_of(addresses, bits >> 16, missing);
		if (word & PM_ADDRESS_TREE)
			word = find_in_tree(trees, word & ~PM_ADDRESS_TREE, bits & 0xffff, missing);
		return word;
	}
	word = word_of(addresses, PM_ADDRESSES_IPV6, missing);
	if (word & PM_ADDRESS_TREE)
		word = find_in_wide_tree(trees, word & ~PM_ADDRESS_TREE, half_of(words), missing);
	if (word & PM_ADDRESS_TREE)
		word = find_in_wide_tree(trees, word & ~PM_ADDRESS_TREE, half_of(words + 2), missing);
	return word;
}

/* The classes of both addresses; CLASSES_BROKEN where a table is missing. */
__noinline __u64 pm_classify(__u32 slot, struct pm_tuple *tuple)
{
	void *addresses, *trees;
	bool missing = false;
	__u64 classes;

	if (!tuple)
		return CLASSES_BROKEN;
	addresses = table_of(slot, PM_TABLE_ADDRESSES);
	trees = table_of(slot, PM_TABLE_ADDRESS_TREES);
	classes = CLASSES(class_of(addresses, trees, tuple->source, tuple->family, &missing),
			  class_of(addresses, trees, tuple->destination, tuple->family, &missing));
	return missing ? CLASSES_BROKEN : classes;
}

/* What one matcher says. */
static __always_inline __u32 match_among(void *axes, void *pairs, void *trees, struct pm_matcher *matcher,
					 struct pm_tuple *tuple, __u64 classes, bool *missing)
{
	__u32 row = word_of(axes, matcher->source_axis + (__u32)(classes >> 32), missing) & ~PM_AXIS_LOCAL;
	__u32 column = word_of(axes, matcher->destination_axis + (__u32)classes, missing);
	__u32 reference, value;

	reference = word_of(pairs, matcher->pairs + row * matcher->columns + (matcher->columns ? column : row), missing);
	if (!matcher->columns)
		reference = find_in_tree(trees, reference, column, missing);
	value = find_in_tree(trees, reference, PM_SERVICE_KEY(tuple->protocol, tuple->destination_port), missing);
	if (value & PM_VALUE_SOURCE_PORTS)
		value = find_in_tree(trees, value & ~PM_VALUE_SOURCE_PORTS, tuple->source_port, missing);
	return value;
}

/* See match(). It counts no faults itself: that would be one frame more on the deepest stack, which has no room for it. */
__noinline __u32 pm_match(__u32 slot, struct pm_interface *interface, __u32 direction, struct pm_tuple *tuple,
			  __u64 classes)
{
	void *axes, *pairs, *trees;
	struct pm_block *matchers;
	bool missing = false;
	__u32 first = 0, i;

	if (!interface || !tuple || classes == CLASSES_BROKEN)
		return PM_VALUE_BROKEN;
	direction &= 1;
	matchers = block_of(table_of(slot, PM_TABLE_MATCHERS), interface->index * PM_DIRECTIONS + direction);
	if (!matchers)
		return PM_VALUE_BROKEN;
	axes = table_of(slot, PM_TABLE_AXES);
	pairs = table_of(slot, PM_TABLE_PAIRS);
	trees = table_of(slot, PM_TABLE_TREES);
	/* Unrolled: fewer words to keep, on the deepest stack of all, and a quarter less for the verifier. */
#pragma clang loop unroll(full)
	for (i = 0; i < PM_MATCHERS; i++) {
		__u32 value;

		if (i >= interface->matchers[direction])
			break;
		value = match_among(axes, pairs, trees, (struct pm_matcher *)matchers + i, tuple, classes, &missing);
		if (value && (!first || PM_VALUE_RULE(value) < PM_VALUE_RULE(first)))
			first = value;
	}
	return missing ? PM_VALUE_BROKEN : first;
}

/* The value (maps/layout.h, PM_VALUE) of the first match for `tuple` among the interface's rules of `direction`. */
static __always_inline __u32 match(__u32 slot, struct pm_interface *interface, __u32 direction, struct pm_tuple *tuple,
				   __u64 classes)
{
	__u32 value = pm_match(slot, interface, direction, tuple, classes);

	if (value == PM_VALUE_BROKEN)
		count_fault(PM_FAULT_TABLE_MISSING);
	return value;
}

/* Is an address of this class local to the interface? */
static __always_inline bool is_local(__u32 slot, struct pm_interface *interface, __u32 address_class, bool *missing)
{
	if (address_class == (__u32)(CLASSES_BROKEN >> 32)) {
		*missing = true;
		return false;
	}
	return word_of(table_of(slot, PM_TABLE_AXES), interface->local_axis + address_class, missing) &
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
