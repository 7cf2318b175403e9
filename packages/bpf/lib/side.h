/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * One side of a packet's way: its endpoint, its flow as that endpoint sees it, and what was decided for it. A packet
 * between two pods of one host has two sides. Counted in full on a side that lets it pass; on one that doesn't, the
 * sender's counts what it sent, the receiver's nothing, since nothing arrived. Nor has what the agent must be asked about
 * arrived yet: the receiver's side is counted when it does.
 */
#ifndef MILLRACE_SIDE_H
#define MILLRACE_SIDE_H

#include "lib/account.h"
#include "lib/forwarding.h"
#include "lib/own_drop.h"
#include "lib/service_flow.h"

/* What the slow path found: by value, so that it holds whatever becomes of the record. */
struct side {
	struct packet packet;
	struct flow_key key;
	struct flow_target target;
	struct flow_key came; /* of an answer that was made a service's: the flow by what was on the wire, or what an error quoted */
	struct flow_path path;
	__u32 class; /* enum endpoint_class in which the packet counts; EP_TOTAL: in its flow */
	__u32 direction; /* enum flow_direction, of the packet */
	__u32 ip_at;     /* offset of the IP header */
	__u32 link;      /* the host's end of the sender's link, of what an endpoint here sends */
	__u8 opener;     /* enum flow_opener */
	bool anew;       /* the packet opens a closed flow, or is judged by itself: nothing kept holds */
	bool came_up;    /* the agent has put it back: it isn't asked twice */
	bool unjudged;   /* the agent must be asked whether it may pass */
	bool translated; /* the packet goes to the flow's backend already */
	bool as_host;    /* from outside, under an address of this host: what its flow keeps is the host's own */
	struct told told; /* of a packet that arrives */
};

/* By direction: too large for the stack. Hooks run with softirqs off, so none is in the middle of another. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FLOW_DIRECTIONS);
	__type(key, __u32);
	__type(value, struct side);
} sides __weak SEC(".maps");

static __always_inline struct side *side_begin(__u32 direction, __u32 endpoint_id)
{
	struct side *side = bpf_map_lookup_elem(&sides, &direction);

	if (!side)
		return NULL;
	__builtin_memset(side, 0, sizeof(*side));
	side->packet.key.endpoint_id = endpoint_id;
	side->direction = direction;
	return side;
}

static __always_inline void side_count_class(struct endpoint *endpoint, __u32 direction, __u32 class,
					     const struct flow_counters *add)
{
	/* verifier: an index it can bound */
	if (class == EP_NOT_IP)
		counters_add(&endpoint->counters[direction][EP_NOT_IP], add);
	else if (class == EP_TRUNCATED)
		counters_add(&endpoint->counters[direction][EP_TRUNCATED], add);
	else if (class == EP_TABLE_FULL)
		counters_add(&endpoint->counters[direction][EP_TABLE_FULL], add);
	else if (class == EP_FLOW_RETIRED)
		counters_add(&endpoint->counters[direction][EP_FLOW_RETIRED], add);
	else if (class == EP_SPOOFED)
		counters_add(&endpoint->counters[direction][EP_SPOOFED], add);
	else if (class == EP_OVER_BUDGET)
		counters_add(&endpoint->counters[direction][EP_OVER_BUDGET], add);
}

/*
 * What was let pass and is lost on its way: its flow says so too. `flow` may be as it is beyond the endpoint's link, with a
 * backend in place of the address that the endpoint knows.
 */
static __noinline int drop_lost(struct __sk_buff *skb, const struct flow_key *flow, __u32 reason)
{
	struct flow_record *record;
	struct flow_key own;

	if (!flow)
		return TCX_DROP_PACKET;
	own = *flow;
	record = flow_of_wire(&own);
	if (record)
		flow_add_drop(record, PATH_REASON_BASE + reason);
	return drop_own(skb, &own, FLOW_EGRESS, reason);
}

#endif
