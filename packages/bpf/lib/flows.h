/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * The flow table: finding a live entry, and what makes an entry live. It never evicts: user space retires
 * (src/retire.bpf.c), then deletes. Opening entries and TCP states are in src/observe.bpf.c and tcp_state.h.
 */
#ifndef MILLRACE_FLOWS_H
#define MILLRACE_FLOWS_H

#include "lib/kernel.h"
#include "shared/endpoint.h"
#include "shared/flow.h"

/*
 * 65,536 x (48 key + 120 record + 48 of the kernel's) = 14 MB, preallocated; the agent sets its own number
 * at load. Full: packets of new flows count as EP_TABLE_FULL of their endpoint.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct flow_key);
	__type(value, struct flow_record);
} flows __weak SEC(".maps");

/* Cheap and good enough to tell two keys apart that meet in one reused entry: a race of nanoseconds. */
static __always_inline __u32 flow_tuple_check(const struct flow_key *key)
{
	const __u32 *words = (const __u32 *)key;

	return words[0] * 0x9e3779b1u + words[1] * 0x85ebca77u + words[2] * 0xc2b2ae3du + words[3] * 0x27d4eb2fu +
	       words[4] * 0x165667b1u + words[5] * 0xd3a2646du + words[6] * 0xfd7046c5u + words[7] * 0xb55a4f09u +
	       words[8] * 0x8f1bbcdcu + words[9] * 0x6ed9eba1u + words[10] * 0x5a827999u;
}

/*
 * race: an entry found here may be retired, deleted and reused for another flow before the caller adds to
 * it, if the CPU is held up in between. Lifecycle and tuple are therefore read in one load: RETIRED, or
 * another tuple, means not ours. An entry that was LIVE at that load can't be deleted before the caller is
 * done: user space waits for a grace period between RETIRED and reading.
 */
static __always_inline bool flow_is_live(const struct flow_record *record, const struct flow_key *key)
{
	__u64 seen = *(const volatile __u64 *)&record->lifecycle;

	return (__u32)seen == FLOW_LIVE && (__u32)(seen >> 32) == flow_tuple_check(key);
}

static __always_inline struct flow_record *flow_lookup_live(const struct flow_key *key)
{
	struct flow_record *record = bpf_map_lookup_elem(&flows, key);

	return record && flow_is_live(record, key) ? record : NULL;
}

#endif
