/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * The table of losses: one entry for all drops of one flow, reason and place. Filled by the kernel's drops
 * (src/drops.bpf.c) and by the dataplane's own (lib/own_drop.h).
 */
#ifndef MILLRACE_DROP_TABLE_H
#define MILLRACE_DROP_TABLE_H

#include "lib/count.h"
#include "lib/emit.h"
#include "shared/event.h"
#include "shared/flow.h"

/* 16,384 x (72 + 32 + 48) = 2.5 MB. Full: counted as OBSERVER_DROPS_UNATTRIBUTED; the agent deletes what is quiet. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct drop_key);
	__type(value, struct drop_record);
} drops __weak SEC(".maps");

/* What a program of ours is dropping on this CPU; too large for the stack. Programs at devices run with softirqs off. */
struct own_drop {
	__u64 skb; /* the kernel tells of the same packet once more */
	struct drop_key key;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct own_drop);
} own_drop __weak SEC(".maps");

static __always_inline struct own_drop *own_drop_now(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&own_drop, &zero);
}

/* Once: the same memory may be another packet a moment later. */
static __always_inline bool own_drop_is(const void *skb)
{
	struct own_drop *own = own_drop_now();

	if (!own || own->skb != (__u64)skb)
		return false;
	own->skb = 0;
	return true;
}

static __always_inline void drop_record_add(struct drop_record *record, __u64 now, __u32 bytes)
{
	__sync_fetch_and_add(&record->packets, 1);
	__sync_fetch_and_add(&record->bytes, bytes);
	record->last_seen_ns = now;
}

/* true: the first of its kind, worth an event. */
static __always_inline bool drop_table_add(const struct drop_key *drop, __u32 bytes)
{
	struct drop_record first = { .packets = 1, .bytes = bytes };
	struct drop_record *record;

	first.first_seen_ns = bpf_ktime_get_boot_ns();
	first.last_seen_ns = first.first_seen_ns;
	record = bpf_map_lookup_elem(&drops, drop);
	if (!record) {
		if (bpf_map_update_elem(&drops, drop, &first, BPF_NOEXIST) == 0)
			return true;
		record = bpf_map_lookup_elem(&drops, drop);
	}
	if (record)
		drop_record_add(record, first.first_seen_ns, bytes);
	else
		count(OBSERVER_DROPS_UNATTRIBUTED);
	return false;
}

static __always_inline void flow_add_drop(struct flow_record *record, __u32 reason)
{
	record->drop_reason = reason;
	__sync_fetch_and_add(&record->drops, 1);
}

#endif
