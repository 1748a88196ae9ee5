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

/* How many of a block's intervals begin above the key that `beyond` follows, in both halves (maps/layout.h, "A search tree"). */
static __always_inline __u32 above(const struct pm_block *block, __u64 beyond)
{
	const __u64 guards = PM_TREE_GUARD | (__u64)PM_TREE_GUARD << 32;
	const __u64 *pair = __builtin_assume_aligned(block->word, 8);
	__u64 sum = ((pair[0] - beyond) & guards) + ((pair[1] - beyond) & guards) + ((pair[2] - beyond) & guards) +
		    ((pair[3] - beyond) & guards);

	return (__u32)(sum + (sum >> 32)) / PM_TREE_GUARD;
}

/* The value that block `at` has for the key that `beyond` follows, in both halves; false where it is missing. */
static __always_inline bool value_in_block(const struct image *image, enum pm_table trees, __u32 at, __u64 beyond,
					   __u32 *value)
{
	const struct pm_block *block = block_of(image, trees, at);

	if (!block)
		return false;
	*value = block->word[PM_TREE_FANOUT + (above(block, beyond) & (PM_TREE_FANOUT - 1))];
	return true;
}

static __always_inline __u64 beyond_key(__u32 key)
{
	return ((__u64)key + 1) | ((__u64)key + 1) << 32;
}

/* The value of `key` in the tree at `reference`; false where a block is missing. */
static __always_inline bool find_in_tree(const struct image *image, enum pm_table trees, __u32 reference, __u32 key,
					 __u32 *value)
{
	__u32 levels = PM_TREE_LEVELS(reference);
	__u32 at = PM_TREE_BLOCK(reference);
	const __u64 beyond = beyond_key(key);
	__u32 level;

	for (level = 0; level < PM_MAX_TREE_LEVELS; level++) {
		if (level >= levels)
			break;
		if (!value_in_block(image, trees, at, beyond, &at))
			return false;
	}
	*value = levels ? at : 0;
	return true;
}

/*
 * Is `first` below `beyond`? Without a branch: five of them in a row would be 32 ways for the verifier, and misprediction at
 * run time.
 */
static __always_inline __u64 below(__u64 first, __u64 beyond)
{
	first -= beyond;
	asm volatile("" : "+r"(first)); /* or the compiler finds the comparison again */
	return first >> 63;
}

/* The value that block `at` has for the key that `beyond` follows; false where it is missing. */
static __always_inline bool value_in_wide_block(const struct image *image, __u32 at, __u64 beyond, __u32 *value)
{
	const struct pm_wide_block *block = (struct pm_wide_block *)block_of(image, PM_TABLE_ADDRESS_TREES, at);
	__u64 interval;

	if (!block)
		return false;
	interval = below(block->first[0], beyond) + below(block->first[1], beyond) + below(block->first[2], beyond) +
		   below(block->first[3], beyond) + below(block->first[4], beyond);
	if (interval >= PM_WIDE_FANOUT)
		return false;
	*value = block->value[interval];
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
		if (level >= levels)
			break;
		if (!value_in_wide_block(image, at, beyond, &at))
			return false;
	}
	*value = levels ? at : 0;
	return true;
}

/* The value that narrow block `at` has for `key`; false where it is missing. */
static __always_inline bool value_in_narrow_block(const struct image *image, __u32 at, __u32 key, __u32 *value)
{
	const struct pm_narrow_block *block = (struct pm_narrow_block *)block_of(image, PM_TABLE_ADDRESS_TREES, at);
	const __u64 beyond = PM_NARROW_ALL(key + 1), ones = PM_NARROW_ALL(1);
	__u64 above;

	if (!block)
		return false;
	above = ((block->first[0] - beyond) / PM_NARROW_GUARD & ones) +
		((block->first[1] - beyond) / PM_NARROW_GUARD & ones) +
		((block->first[2] - beyond) / PM_NARROW_GUARD & ones) +
		((block->first[3] - beyond) / PM_NARROW_GUARD & ones) +
		((block->first[4] - beyond) / PM_NARROW_GUARD & ones);
	above = above * ones >> 48; /* the sum of all four */
	*value = block->value[block->choice >> (2 * above & 63) & (PM_NARROW_VALUES - 1)];
	return true;
}

/* Zero where prefix `i` of the block contains what has this key and second half, else one. */
static __always_inline __u64 is_outside(const struct pm_prefix_block *block, const __u32 i, __u64 key, __u64 second)
{
	const __u64 first = block->first[i];
	__u64 differ = (first ^ key) << (64 - PM_PREFIX_KEY_BITS) >> PM_PREFIX_SHIFT(first);

	differ |= (block->second[i] ^ second) >> PM_PREFIX_SECOND_SHIFT(first) >> PM_PREFIX_SECOND_SHIFT_MORE(first);
	differ |= -differ;
	asm volatile("" : "+r"(differ)); /* or the compiler finds the comparison again; see `below` */
	return differ >> 63;
}

/* The value that prefix block `at` has for a key and a second half; false where it is missing. */
static __always_inline bool value_in_prefix_block(const struct image *image, __u32 at, __u64 key, __u64 second,
						  __u32 *value)
{
	const struct pm_prefix_block *block = (struct pm_prefix_block *)block_of(image, PM_TABLE_ADDRESS_TREES, at);
	__u64 outside, which;

	if (!block)
		return false;
	outside = is_outside(block, 0, key, second);
	which = outside;
	outside &= is_outside(block, 1, key, second);
	which += outside;
	which += outside & is_outside(block, 2, key, second);
	_Static_assert(PM_PREFIXES == 3, "three prefixes, four values");
	*value = block->value[which & PM_PREFIXES];
	return true;
}

/* Half of an IPv6 address as a number. */
static __always_inline __u64 half_of(const __u32 *words)
{
	return ((__u64)bpf_ntohl(words[0]) << 32) | bpf_ntohl(words[1]);
}

/* What an index names for an IPv6 address: a word, or what its root says. `about` is the first block of the table. */
static __always_inline bool indexed_word(const struct image *image, const struct pm_block *about, __u64 spread,
					 __u64 key, __u64 second, __u32 *word)
{
	const __u32 index = (__u32)(spread >> (about->word[PM_ADDRESSES_IPV6_REST] & 63));
	const __u32 roots = about->word[PM_ADDRESSES_IPV6_ROOTS];
	__u32 near;

	if (!roots)
		return read_word(image, PM_TABLE_ADDRESSES, about->word[PM_ADDRESSES_IPV6] + index, word);
	near = (__u32)(spread >> (about->word[PM_ADDRESSES_IPV6_NEAR] & 63));
	if (!read_word(image, PM_TABLE_ADDRESSES, about->word[PM_ADDRESSES_IPV6] + near / 32, word))
		return false;
	if (*word >> near % 32 & 1)
		return value_in_prefix_block(image, roots + index, key, second, word);
	*word = PM_ADDRESS_SHORTER;
	return true;
}

/* The class of one IPv6 address of two halves. */
static __always_inline bool class_of_ipv6(const struct image *image, const struct pm_block *about, __u64 half,
					  __u64 second, __u32 *class)
{
	const __u64 spread = PM_IPV6_SPREAD_KEY(half, about->word[PM_ADDRESSES_UNSPREAD] & 63);
	__u64 key = spread & ((1ull << (about->word[PM_ADDRESSES_IPV6_REST] & 63)) - 1);

	if (!indexed_word(image, about, spread, key, second, class))
		return false;
	if (*class == PM_ADDRESS_SHORTER) {
		*class = about->word[PM_ADDRESSES_SHORTER];
		key = half;
	}
	if (PM_ADDRESS_GOES_DEEPER(*class)) {
		if (!find_in_wide_tree(image, PM_ADDRESS_REFERENCE(*class), key, class))
			return false;
		if (*class == PM_ADDRESS_SHORTER) {
			*class = about->word[PM_ADDRESSES_SHORTER];
			if (PM_ADDRESS_GOES_DEEPER(*class) &&
			    !find_in_wide_tree(image, PM_ADDRESS_REFERENCE(*class), half, class))
				return false;
		}
	}
	return !(*class & PM_ADDRESS_TREE) ||
	       find_in_wide_tree(image, PM_ADDRESS_REFERENCE(*class), second, class);
}

/* The class of one IPv4 address. */
static __always_inline bool class_of_ipv4(const struct image *image, const struct pm_block *about, __u32 bits, __u32 *class)
{
	const __u32 rest = about->word[PM_ADDRESSES_IPV4_REST] & 31, roots = about->word[PM_ADDRESSES_IPV4_ROOTS];
	const __u32 index = bits >> rest, key = bits & ((1u << rest) - 1);

	if (roots ? !value_in_narrow_block(image, roots + index, key, class)
		  : !read_word(image, PM_TABLE_ADDRESSES, about->word[PM_ADDRESSES_IPV4] + index, class))
		return false;
	return !(*class & PM_ADDRESS_TREE) ||
	       find_in_tree(image, PM_TABLE_ADDRESS_TREES, PM_ADDRESS_REFERENCE(*class), key, class);
}

/* The class of one address (maps/layout.h, "The address stage"): the longest prefix that contains it decides. */
static __always_inline bool class_of(const struct image *image, const __u8 *address, __u8 family, __u32 *class)
{
	const struct pm_block *about;
	const __u32 *words = (const __u32 *)address;

	if (!image->front)
		return false;
	about = &image->front->ADDRESSES[0];
	if (family == 4)
		return class_of_ipv4(image, about, bpf_ntohl(words[0]), class);
	return class_of_ipv6(image, about, half_of(words), half_of(words + 2), class);
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

/*
 * Two of the words of a class on an axis, those of matchers 2 * `pair` and the one behind it. They are read at once: a pointer to them
 * would be to the front or to a map beyond it, which makes two ways through all that follows for the verifier.
 */
static __always_inline bool read_axis_pair(const struct image *image, __u32 axis, __u32 address_class, __u32 matchers,
					   const __u32 pair, __u64 *words)
{
	const __u32 at = axis + (address_class << PM_AXIS_SHIFT(matchers));
	const struct pm_block *block = block_of(image, PM_TABLE_AXES, at / PM_BLOCK_WORDS);
	const __u64 *pairs;

	if (!block)
		return false;
	pairs = __builtin_assume_aligned(block->word, 8);
	/* Only a single word may be the second of its pair. */
	*words = pairs[(at / 2 + pair) % (PM_BLOCK_WORDS / 2)] >> (at % 2 * 32);
	return true;
}

/* What one matcher says of a row and a column; PM_VALUE_BROKEN where a table is missing. */
static __always_inline __u32 match_at(const struct image *image, const struct pm_matcher *matcher,
				      const struct pm_tuple *tuple, __u32 row, __u32 column)
{
	__u32 reference, value;

	row &= ~PM_AXIS_LOCAL;
	if (!read_word(image, PM_TABLE_PAIRS,
		       matcher->pairs + row * matcher->columns + (matcher->columns ? column : row), &reference))
		return PM_VALUE_BROKEN;
	if (!matcher->columns && !find_in_tree(image, PM_TABLE_TREES, reference, column, &reference))
		return PM_VALUE_BROKEN;
	if (!reference)
		return 0;
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
	struct pm_matcher *matchers;
	__u64 rows, columns;
	__u32 first = 0, count;

	if (!interface || !tuple || classes == CLASSES_BROKEN)
		return PM_VALUE_BROKEN;
	direction &= 1;
	count = interface->matchers[direction];
	matchers = (struct pm_matcher *)block_of(&image, PM_TABLE_MATCHERS,
						 interface->index * PM_DIRECTIONS + direction);
	if (!matchers)
		return PM_VALUE_BROKEN;
	/* Unrolled: fewer words to keep, on the deepest stack of all, and a quarter less for the verifier. */
#define PAIR(pair)                                                                                                     \
	if (!read_axis_pair(&image, matchers->source_axis, (__u32)(classes >> 32), count, pair, &rows) ||              \
	    !read_axis_pair(&image, matchers->destination_axis, (__u32)classes, count, pair, &columns))                \
		return PM_VALUE_BROKEN;                                                                                \
	ONE(2 * (pair), (__u32)rows, (__u32)columns)                                                                   \
	ONE(2 * (pair) + 1, rows >> 32, columns >> 32)
#define ONE(i, row, column)                                                                                            \
	if ((i) < count) {                                                                                             \
		__u32 value = match_at(&image, matchers + (i), tuple, row, column);                                    \
                                                                                                                       \
		if (value == PM_VALUE_BROKEN)                                                                          \
			return value;                                                                                  \
		if (value && (!first || PM_VALUE_RULE(value) < PM_VALUE_RULE(first)))                                  \
			first = value;                                                                                 \
	}
	PAIR(0)
	if (count <= 2)
		return first;
	PAIR(1)
	_Static_assert(PM_MATCHERS == 4, "two pairs");
#undef PAIR
#undef ONE
	return first;
}

/* Is an address of this class local to the interface? */
static __always_inline bool is_local(__u32 slot, struct pm_interface *interface, __u32 address_class, bool *missing)
{
	const struct image image = image_in(slot);
	__u32 word;

	if (address_class == (__u32)(CLASSES_BROKEN >> 32) ||
	    !read_word(&image, PM_TABLE_AXES,
		       interface->local_axis + (address_class << PM_AXIS_SHIFT(interface->matchers[PM_IN])), &word)) {
		*missing = true;
		return false;
	}
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
