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
 * 65,536 x (48 key + 208 record + 48 of the kernel's) = 20 MB, preallocated; the agent sets its own number
 * at load. Full: packets of new flows count as EP_TABLE_FULL of their endpoint. Which part one endpoint's may take is
 * lib/flow_budget.h's.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct flow_key);
	__type(value, struct flow_record);
} flows __weak SEC(".maps");

/*
 * A key in whole words. Stored so and read so: a wide load right after narrow stores waits for them, and the
 * look-up begins with one.
 */
union flow_words {
	struct flow_key key;
	__u64 words[6]; /* the last one's upper half is no part of the key, and 0 */
};
_Static_assert(sizeof(struct flow_key) == 44, "flow_words has one word too few or too many");

/* Cheap and good enough to tell two keys apart that meet in one reused entry: a race of nanoseconds. */
static __always_inline __u32 flow_words_check(const union flow_words *flow)
{
	const __u64 *words = flow->words;
	__u64 sum = words[0] * 0x9e3779b97f4a7c15ull + words[1] * 0xbf58476d1ce4e5b9ull +
		    words[2] * 0x94d049bb133111ebull + words[3] * 0xd6e8feb86659fd93ull +
		    words[4] * 0xff51afd7ed558ccdull + words[5] * 0xc4ceb9fe1a85ec53ull;

	return sum >> 32;
}

static __always_inline __u32 flow_tuple_check(const struct flow_key *key)
{
	union flow_words flow = {};

	flow.key = *key;
	return flow_words_check(&flow);
}

/*
 * race: an entry found here may be retired, deleted and reused for another flow before the caller adds to
 * it, if the CPU is held up in between. Lifecycle and tuple are therefore read in one load: RETIRED, or
 * another tuple, means not ours. An entry that was LIVE at that load can't be deleted before the caller is
 * done: user space waits for a grace period between RETIRED and reading.
 */
static __always_inline bool flow_is_live_as(const struct flow_record *record, __u32 tuple_check)
{
	return *(const volatile __u64 *)&record->lifecycle == (FLOW_LIVE | (__u64)tuple_check << 32);
}

static __always_inline bool flow_is_live(const struct flow_record *record, const struct flow_key *key)
{
	return flow_is_live_as(record, flow_tuple_check(key));
}

/* The flow as it is beyond its endpoint's link: with a backend in place of a virtual address. May be done in place. */
static __always_inline void flow_key_on_wire(struct flow_key *to, const struct flow_key *key,
					     const struct flow_path *path)
{
	*to = *key;
	if (!path->nat_dst_port)
		return;
	__builtin_memcpy(to->daddr, path->nat_dst, 16);
	to->dport = path->nat_dst_port;
	if (path->wire_port)
		to->sport = path->wire_port;
}

static __always_inline struct flow_record *flow_lookup_live(const struct flow_key *key)
{
	struct flow_record *record = bpf_map_lookup_elem(&flows, key);

	return record && flow_is_live(record, key) ? record : NULL;
}

#endif
