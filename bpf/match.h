/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The lookup: addresses to classes, classes to a row and a column, those to a search tree, and in it the first matching
 * rule by protocol and destination port (or ICMP type and code), where needed by source port too. Its twin for user
 * space is maps/lookup.cc. Bounded work whatever the number of rules.
 */
#ifndef PORTMATRIX_BPF_MATCH_H_
#define PORTMATRIX_BPF_MATCH_H_

#include "bpf/fault.h"
#include "bpf/image.h"

/* Classes of source and destination in one word, so that they fit a call. */
#define CLASSES(source, destination) (((__u64)(source) << 32) | (destination))
/* No address has these classes. */
#define CLASSES_BROKEN (~0ull)
#define SWAPPED(classes) (((classes) << 32) | ((classes) >> 32))

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

/* The value of `key` in the tree at `reference`; false where a block is missing. */
static __always_inline bool find_in_tree(const struct image *image, enum pm_table trees, __u32 reference, __u32 key,
					 __u32 *value)
{
	__u32 levels = PM_TREE_LEVELS(reference);
	__u32 at = PM_TREE_BLOCK(reference);
	const __u64 beyond = (__u64)key + 1;
	__u32 level;

	for (level = 0; level < PM_MAX_TREE_LEVELS; level++) {
		struct pm_block *block;
		__u64 interval;

		if (level >= levels)
			break;
		block = block_of(image, trees, at);
		if (!block)
			return false;
		interval = below(block->word[1], beyond) + below(block->word[2], beyond) + below(block->word[3], beyond) +
			   below(block->word[4], beyond) + below(block->word[5], beyond) + below(block->word[6], beyond) +
			   below(block->word[7], beyond);
		at = block->word[PM_TREE_FANOUT + (interval & 7)];
	}
	*value = levels ? at : 0;
	return true;
}

/* The same in a wide tree. */
static __always_inline bool find_in_wide_tree(const struct image *image, __u32 reference, __u64 key, __u32 *value)
{
	__u32 levels = PM_WIDE_LEVELS(reference);
	__u32 at = PM_WIDE_BLOCK(reference) + (__u32)(key >> 63);
	const __u64 beyond = (key & PM_WIDE_UNUSED) + 1;
	__u32 level;

	for (level = 0; level < PM_MAX_WIDE_LEVELS; level++) {
		struct pm_wide_block *block;
		__u64 interval;

		if (level >= levels)
			break;
		block = (struct pm_wide_block *)block_of(image, PM_TABLE_ADDRESS_TREES, at);
		if (!block)
			return false;
		interval = below(block->first[0], beyond) + below(block->first[1], beyond) +
			   below(block->first[2], beyond) + below(block->first[3], beyond) +
			   below(block->first[4], beyond);
		if (interval >= PM_WIDE_FANOUT)
			return false;
		at = block->value[interval];
	}
	*value = levels ? at : 0;
	return true;
}

/* Half of an IPv6 address as a number. */
static __always_inline __u64 half_of(const __u32 *words)
{
	return ((__u64)bpf_ntohl(words[0]) << 32) | bpf_ntohl(words[1]);
}

/* The class of one address (maps/layout.h, "The address stage"): the longest prefix that contains it decides. */
static __always_inline bool class_of(const struct image *image, const __u8 *address, __u8 family, __u32 *class)
{
	const __u32 *words = (const __u32 *)address;

	if (family == 4) {
		__u32 bits = bpf_ntohl(words[0]);

		if (!read_word(image, PM_TABLE_ADDRESSES, bits >> 16, class))
			return false;
		return !(*class & PM_ADDRESS_TREE) ||
		       find_in_tree(image, PM_TABLE_ADDRESS_TREES, *class & ~PM_ADDRESS_TREE, bits & 0xffff, class);
	}
	if (!read_word(image, PM_TABLE_ADDRESSES, PM_ADDRESSES_IPV6, class))
		return false;
	if ((*class & PM_ADDRESS_TREE) && !find_in_wide_tree(image, *class & ~PM_ADDRESS_TREE, half_of(words), class))
		return false;
	return !(*class & PM_ADDRESS_TREE) ||
	       find_in_wide_tree(image, *class & ~PM_ADDRESS_TREE, half_of(words + 2), class);
}

/* The classes of both addresses; CLASSES_BROKEN where a table is missing. */
__noinline __u64 pm_classify(__u32 slot, struct pm_tuple *tuple)
{
	const struct image image = image_in(slot);
	__u32 source, destination;

	if (!tuple || !class_of(&image, tuple->source, tuple->family, &source) ||
	    !class_of(&image, tuple->destination, tuple->family, &destination))
		return CLASSES_BROKEN;
	return CLASSES(source, destination);
}

/* What one matcher says; PM_VALUE_BROKEN where a table is missing. */
static __always_inline __u32 match_among(const struct image *image, const struct pm_matcher *matcher,
					 const struct pm_tuple *tuple, __u64 classes)
{
	__u32 row, column, reference, value;

	if (!read_word(image, PM_TABLE_AXES, matcher->source_axis + (__u32)(classes >> 32), &row) ||
	    !read_word(image, PM_TABLE_AXES, matcher->destination_axis + (__u32)classes, &column))
		return PM_VALUE_BROKEN;
	row &= ~PM_AXIS_LOCAL;
	if (!read_word(image, PM_TABLE_PAIRS,
		       matcher->pairs + row * matcher->columns + (matcher->columns ? column : row), &reference))
		return PM_VALUE_BROKEN;
	if (!matcher->columns && !find_in_tree(image, PM_TABLE_TREES, reference, column, &reference))
		return PM_VALUE_BROKEN;
	if (!find_in_tree(image, PM_TABLE_TREES, reference, PM_SERVICE_KEY(tuple->protocol, tuple->destination_port), &value))
		return PM_VALUE_BROKEN;
	if ((value & PM_VALUE_SOURCE_PORTS) &&
	    !find_in_tree(image, PM_TABLE_TREES, value & ~PM_VALUE_SOURCE_PORTS, tuple->source_port, &value))
		return PM_VALUE_BROKEN;
	return value;
}

/* The first match by prefixes; see match() in live.h. It counts no faults itself: that would be one frame more on the deepest
 * stack, which has no room for it. */
__noinline __u32 pm_match(__u32 slot, struct pm_interface *interface, __u32 direction, struct pm_tuple *tuple,
			  __u64 classes)
{
	const struct image image = image_in(slot);
	struct pm_block *matchers;
	__u32 first = 0, i;

	if (!interface || !tuple || classes == CLASSES_BROKEN)
		return PM_VALUE_BROKEN;
	direction &= 1;
	matchers = block_of(&image, PM_TABLE_MATCHERS, interface->index * PM_DIRECTIONS + direction);
	if (!matchers)
		return PM_VALUE_BROKEN;
	/* Unrolled: fewer words to keep, on the deepest stack of all, and a quarter less for the verifier. */
#pragma clang loop unroll(full)
	for (i = 0; i < PM_MATCHERS; i++) {
		__u32 value;

		if (i >= interface->matchers[direction])
			break;
		value = match_among(&image, (struct pm_matcher *)matchers + i, tuple, classes);
		if (value == PM_VALUE_BROKEN)
			return value;
		if (value && (!first || PM_VALUE_RULE(value) < PM_VALUE_RULE(first)))
			first = value;
	}
	return first;
}

/* Is an address of this class local to the interface? */
static __always_inline bool is_local(__u32 slot, struct pm_interface *interface, __u32 address_class, bool *missing)
{
	const struct image image = image_in(slot);
	__u32 word = 0;

	if (address_class == (__u32)(CLASSES_BROKEN >> 32) ||
	    !read_word(&image, PM_TABLE_AXES, interface->local_axis + address_class, &word))
		*missing = true;
	return word & PM_AXIS_LOCAL;
}

/* The rule that a value names, or nothing where it is missing. */
static __always_inline struct pm_rule *rule_of_value(__u32 slot, __u32 value)
{
	const struct image image = image_in(slot);
	__u32 index = PM_VALUE_RULE(value) - 1;
	struct pm_block *block = block_of(&image, PM_TABLE_RULES, index / PM_RULES_PER_BLOCK);

	return block ? &((struct pm_rule *)block)[index % PM_RULES_PER_BLOCK] : NULL;
}

#endif /* PORTMATRIX_BPF_MATCH_H_ */
