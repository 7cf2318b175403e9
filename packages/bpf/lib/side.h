/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * One side of a packet's way: its endpoint, its flow as that endpoint sees it, and what was decided for it. A packet
 * between two pods of one host has two sides. Counted in full on a side that lets it pass; on one that doesn't, the
 * sender's counts what it sent, the receiver's nothing, since nothing arrived.
 */
#ifndef MILLRACE_SIDE_H
#define MILLRACE_SIDE_H

#include "lib/account.h"
#include "lib/forwarding.h"
#include "lib/nat.h"
#include "lib/own_drop.h"

/* What the slow path found: by value, so that it holds whatever becomes of the record. */
struct side {
	struct packet packet;
	struct flow_key key;
	struct flow_path path;
	__u32 class; /* enum endpoint_class in which the packet counts; EP_TOTAL: in its flow */
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
}

/* The flow's path: kept, or decided now. Nothing is kept in a flow that the packet doesn't count in. */
static __always_inline void side_decide(struct __sk_buff *skb, struct side *side, struct flow_record *found,
					const struct forwarding *now, __u32 direction)
{
	struct flow_record *record = side->class ? NULL : found;

	if (record && path_is_current(&record->path, now)) {
		side->path = record->path;
		if (path_is_current(&record->path, now))
			return;
		__builtin_memset(&side->path, 0, sizeof(side->path));
	}
	path_decide(&side->path, &side->key);
	nat_decide(skb, &side->path, &side->key, found, direction);
	if (record)
		path_keep(&record->path, &side->path);
}

static __always_inline void side_add(struct __sk_buff *skb, struct side *side, struct flow_record *record,
				     const struct flow_counters *add, __u32 direction)
{
	struct flow_pace pace = flow_add(record, add, direction);

	__sync_fetch_and_add(&record->path.slow_packets, 1);
	if (side->packet.tcp_flags)
		tcp_follow(record, &side->key, &side->packet, direction);
	if (direction == FLOW_EGRESS)
		flow_take_socket(skb, record, side->key.proto == IPPROTO_TCP, pace.ticked);
	if (pace.moved)
		emit_flow_moved(&side->key);
}

/*
 * The slow path of one side, of a packet that is parsed: judged, and counted in its flow. `side->class` says when
 * it has none: then the caller counts.
 */
static __always_inline void side_take(struct __sk_buff *skb, struct side *side, const struct flow_counters *add,
				      const struct forwarding *now, __u32 direction)
{
	struct flow_record *record;

	if (direction == FLOW_EGRESS)
		side->key = side->packet.key;
	else
		flow_reverse(&side->key, &side->packet.key);
	record = bpf_map_lookup_elem(&flows, &side->key);
	if (!record)
		record = flow_open(skb, &side->key, &side->packet, direction);
	if (!record)
		side->class = EP_TABLE_FULL;
	else if (!flow_is_live(record, &side->key))
		side->class = EP_FLOW_RETIRED;
	side_decide(skb, side, record, now, direction);
	if (side->class || !record)
		return;
	if (side->path.verdict == VERDICT_DROP)
		flow_add_drop(record, PATH_REASON_BASE + side->path.reason);
	if (direction == FLOW_EGRESS || side->path.verdict != VERDICT_DROP)
		side_add(skb, side, record, add, direction);
}

#endif
