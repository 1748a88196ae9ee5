/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every map of the program. Sizes that depend on the machine or on the agent's flags are set by the loader (marked
 * "loader"); the value here is the least that works.
 */
#ifndef PORTMATRIX_BPF_MAPS_H_
#define PORTMATRIX_BPF_MAPS_H_

#include "bpf/kernel.h"
#include "maps/front.h"

/* The control word (maps/layout.h). Mapped into the agent, which changes it by compare-and-swap as the program does. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} control SEC(".maps");

/*
 * ifindex to device number. Not part of a generation: a device that comes back gets its number again. No hash map, because its
 * lookup would be the dearest step of all. Mapped into the agent, which writes places.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pm_device_places);
} devices SEC(".maps");

/* The front of each slot's image: a plain array, which programs read without a call. Written while no program may hold the slot. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PM_SLOTS);
	__type(key, __u32);
	__type(value, struct pm_front);
} fronts SEC(".maps");

/*
 * What of a table goes beyond the front, in blocks: slot * PM_TABLES_PER_SLOT + enum pm_table. Inner sizes differ, hence BPF_F_INNER_MAP (Linux 5.10).
 * The template has no BTF types, so that inner maps made without them match it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, PM_SLOTS * PM_TABLES_PER_SLOT);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_ARRAY);
		__uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE);
		__uint(max_entries, 1);
		__uint(key_size, sizeof(__u32));
		__uint(value_size, sizeof(struct pm_block));
	});
} tables SEC(".maps");

/*
 * What live sets hold, by set number: addresses in hash maps, prefixes in tries. Inner sizes differ, which the kernel allows for
 * these types. Templates have no BTF types, as above.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, PM_MAX_LIVE_SETS);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_HASH);
		__uint(map_flags, BPF_F_NO_PREALLOC);
		__uint(max_entries, 1);
		__uint(key_size, sizeof(struct pm_live_key));
		__uint(value_size, sizeof(struct pm_live_entry));
	});
} live_hosts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, PM_MAX_LIVE_SETS);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_LPM_TRIE);
		__uint(map_flags, BPF_F_NO_PREALLOC);
		__uint(max_entries, 1);
		__uint(key_size, sizeof(struct pm_live_key));
		__uint(value_size, sizeof(struct pm_live_entry));
	});
} live_prefixes SEC(".maps");

/*
 * Conversations by opening tuple. A common LRU list: one list a processor would halve what the table holds.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024); /* loader */
	__type(key, struct pm_tuple);
	__type(value, struct pm_flow);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024); /* loader */
	__type(key, struct pm_fragment_key);
	__type(value, struct pm_fragment);
} fragments SEC(".maps");

/* Counters: see maps/layout.h for how each is indexed. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1024); /* loader */
	__type(key, __u32);
	__type(value, struct pm_rule_counter);
} rule_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PM_OWNERS *PM_DIRECTIONS *PM_REASON_COUNT);
	__type(key, __u32);
	__type(value, struct pm_reason_counter);
} reason_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PM_OWNERS *PM_DIRECTIONS);
	__type(key, __u32);
	__type(value, struct pm_seen_counter);
} seen_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PM_FAULT_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} faults SEC(".maps");

/* Events: bpf/event.h writes them, the agent alone reads them. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22); /* loader: less for simulations */
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pm_event_settings);
} event_settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PM_EVENT_SOURCES_OF_REASONS + 1024); /* loader: as many rules as rule_counters */
	__type(key, __u32);
	__type(value, __u64);
} event_budgets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PM_EVENT_SOURCES_OF_REASONS + 1024); /* loader, as above */
	__type(key, __u32);
	__type(value, __u64);
} suppressed_events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pm_event_totals);
} event_totals SEC(".maps");

/* ---- Not touched by the program: written by the agent, read by whoever shows counters. ---- */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PM_RETIRED_BANKS *PM_OWNERS *PM_DIRECTIONS);
	__type(key, __u32);
	__type(value, struct pm_seen_counter);
} retired SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} retirements SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024); /* loader */
	__type(key, __u32);
	__type(value, struct pm_rule_name);
} names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PM_OWNERS);
	__type(key, __u32);
	__type(value, struct pm_owner_name);
} owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PM_MAX_LIVE_SETS);
	__type(key, __u32);
	__type(value, struct pm_live_set);
} live_sets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PM_SLOTS);
	__type(key, __u32);
	__type(value, struct pm_generation);
} generations SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PM_MAX_DEVICES);
	__type(key, __u32);
	__type(value, struct pm_attachment);
} attachments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pm_identity);
} identity SEC(".maps");

/* ---- Only for programs that judge captures and questions (bpf/kernel.h). ---- */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} given_clock SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pm_report);
} reports SEC(".maps");

#endif /* PORTMATRIX_BPF_MAPS_H_ */
