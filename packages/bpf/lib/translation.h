/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * The table by which an answer from the outside finds the flow it belongs to, and the races over its entries. Which flow gets
 * which port is nat.h's, when an entry goes src/translations.bpf.c's.
 */
#ifndef MILLRACE_TRANSLATION_H
#define MILLRACE_TRANSLATION_H

#include "lib/clock.h"
#include "lib/flows.h"
#include "lib/packet.h"
#include "shared/nat.h"

#define SECOND_NS 1000000000ull

/*
 * As many as flows; the agent sets the number at load: 65,536 x (40 + 56 + 48) = 9 MB when all are used, allocated as they
 * are. A flow has one at most, and two when it is masqueraded to a backend outside. Full: as without a free port.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct translation_key);
	__type(value, struct translation);
} translations __weak SEC(".maps");

static __always_inline __u32 translation_now_s(void)
{
	return clock_boot_ns_coarse() / SECOND_NS + 1;
}

static __always_inline __u32 translation_mix(__u64 word)
{
	word ^= word >> 33;
	word *= 0xff51afd7ed558ccdull;
	word ^= word >> 33;
	word *= 0xc4ceb9fe1a85ec53ull;
	return word >> 32;
}

static __always_inline void translation_key_of(struct translation_key *to, const struct flow_key *flow,
					       const __u8 address[16], __be16 port)
{
	__builtin_memset(to, 0, sizeof(*to));
	address_copy(to->remote, flow->daddr);
	address_copy(to->address, address);
	to->remote_port = proto_is_icmp(flow->proto) ? 0 : flow->dport;
	to->port = port;
	to->proto = flow->proto;
}

/* Of a masqueraded flow's answers, as they arrive at this host. */
static __always_inline bool translation_key_masqueraded(struct translation_key *to, const struct flow_key *flow,
							const struct flow_path *path)
{
	struct flow_key wire;

	flow_key_on_wire(&wire, flow, path);
	translation_key_of(to, &wire, path->nat_address, path->nat_port);
	return path->nat_port != 0;
}

/* Of a backend's answers, as they arrive at the pod's link. */
static __always_inline bool translation_key_returned(struct translation_key *to, const struct flow_key *flow,
						     const struct flow_path *path)
{
	struct flow_key wire;

	flow_key_on_wire(&wire, flow, path);
	translation_key_of(to, &wire, wire.saddr, wire.sport);
	return path->nat_dst_port != 0;
}

static __always_inline __u32 translation_check(const struct translation_key *at, const struct flow_key *flow)
{
	return flow_tuple_check(flow) ^ translation_mix((__u64)at->remote_port << 32 | (__u64)at->proto << 16 | at->port);
}

static __always_inline bool flow_key_equals(const struct flow_key *a, const struct flow_key *b)
{
	const __u32 *left = (const __u32 *)a, *right = (const __u32 *)b;
	__u32 differs = 0;

	for (__u32 i = 0; i < sizeof(*a) / 4; i++)
		differs |= left[i] ^ right[i];
	return !differs;
}

static __always_inline bool translation_key_equals(const struct translation_key *a, const struct translation_key *b)
{
	const __u32 *left = (const __u32 *)a, *right = (const __u32 *)b;
	__u32 differs = 0;

	for (__u32 i = 0; i < sizeof(*a) / 4; i++)
		differs |= left[i] ^ right[i];
	return !differs;
}

/*
 * race: an entry found may be deleted and reused while it is copied. What was copied is then of two halves, or of another
 * port, and the check says so.
 */
static __always_inline bool translation_find(struct translation *copy, const struct translation_key *at)
{
	const struct translation *found = bpf_map_lookup_elem(&translations, at);

	if (!found)
		return false;
	*copy = *found;
	return copy->check == translation_check(at, &copy->flow);
}

/* The flow that an answer belongs to which comes from a backend; `flow` is as the pod would see it untranslated: not to the host. */
static __always_inline bool translation_returned(struct translation *copy, struct translation_key *at,
						 const struct flow_key *flow)
{
	translation_key_of(at, flow, flow->saddr, flow->sport);
	return translation_find(copy, at) && copy->flow.endpoint_id == flow->endpoint_id &&
	       address_equals(copy->flow.saddr, flow->saddr);
}

/* What is being removed can't be claimed: one swap decides between who removes and who claims. */
static __always_inline bool translation_claim_again(struct translation *entry, const struct translation *claim)
{
	__u32 claimed_s = READ_ONCE(entry->claimed_s);

	if (!flow_key_equals(&entry->flow, &claim->flow) || claimed_s == TRANSLATION_DEAD ||
	    __sync_val_compare_and_swap(&entry->claimed_s, claimed_s, claim->claimed_s) != claimed_s)
		return false;
	WRITE_ONCE(entry->wire_port, claim->wire_port);
	return true;
}

/* The pod's port as it is at its link, of what comes from the outside. */
static __always_inline __be16 translation_wire_port(const struct translation *entry)
{
	return entry->wire_port ? entry->wire_port : entry->flow.sport;
}

#endif
