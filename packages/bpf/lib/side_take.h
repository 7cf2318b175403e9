/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * The slow path of one side: the packet's flow is found or opened, its way decided or followed, judged, kept and counted.
 */
#ifndef MILLRACE_SIDE_TAKE_H
#define MILLRACE_SIDE_TAKE_H

#include "lib/account.h"
#include "lib/nat.h"
#include "lib/service_flow.h"
#include "lib/side_judge.h"

/*
 * What is received for another address than the endpoint's, a group's, makes a flow too. Nothing is kept in it: the short way
 * doesn't ask again whether the endpoint may send under that address.
 */
static __always_inline bool side_is_own(const struct side *side, const struct forwarding *now)
{
	const struct local *here = local_of(side->key.saddr, now);

	return here && here->endpoint_id == side->key.endpoint_id;
}

/* A SYN into a closed connection that isn't let in leaves it as it was: that is its opener's still. */
static __always_inline bool side_is_refused_opening(const struct side *side)
{
	return side->anew && side->key.proto == IPPROTO_TCP && side->direction == FLOW_INGRESS &&
	       side->path.verdict == VERDICT_DROP;
}

/* Opened anew by the far end, and to the flow's own port: it leaves from another one no longer. */
static __always_inline bool side_came_as_named(const struct side *side)
{
	return side->direction == FLOW_INGRESS && side->anew && !side->came.endpoint_id &&
	       side->target.backend == SERVICE_NAMED_BACKEND;
}

/*
 * The way of the flow, to its backend where it has one. false: it has none, so there is nothing to judge; without an
 * agent to ask what a virtual address is, it is refused as an address is that nobody knows.
 */
static __always_inline bool side_aim(struct __sk_buff *skb, struct side *side, const struct flow_record *found,
				     const struct forwarding *now)
{
	__u32 anew = side->anew ? SERVICE_ANEW : 0;
	/* What arrives is from the flow's backend already, also when that opens the connection anew. */
	__u32 how = side->direction == FLOW_EGRESS ? SERVICE_MAY_CHOOSE | anew : 0;
	int answer = service_take(&side->target, &side->key, found, how);

	if (answer == SERVICE_CHOOSE)
		answer = service_aim(&side->target, &side->key, found, how);
	else if (answer == SERVICE_EVADE)
		answer = service_evade(&side->target, &side->key);
	if (side_came_as_named(side))
		target_none(&side->target, &side->key);
	path_decide(&side->path, &side->target.wire);
	side->path.wire_port = side->target.port;
	if (side->target.backend) {
		__builtin_memcpy(side->path.nat_dst, side->target.wire.daddr, 16);
		side->path.nat_dst_port = side->target.wire.dport;
		side->path.backend = side->target.backend;
		side->came_up &= side->translated; /* of the backend nobody has been asked yet */
	}
	if (answer == SERVICE_AIMED)
		return true;
	if (answer == SERVICE_ASK && target_is_node_port(&side->key, now) && (side->came_up || !punt_is_there(skb, now)))
		return true; /* as far as anybody can tell, the host's own */
	if (answer == SERVICE_ASK && !side->came_up && punt_is_there(skb, now))
		side_ask(side);
	else
		path_refuse(&side->path, answer == SERVICE_ASK ? PATH_REASON_UNRESOLVED : answer);
	return false;
}

/* Nothing has passed in the flow, or nobody saw who opened it: the far side knows it by what it came to first. */
static __always_inline bool side_is_fresh(const struct side *side, const struct flow_record *record)
{
	return side->opener == FLOW_OPENER_UNKNOWN ||
	       (!record->counters[FLOW_EGRESS].packets && !record->counters[FLOW_INGRESS].packets);
}

/*
 * What came to a port of this host's own is answered from there: the flow has that port from its first packet on. false: it has
 * another one already, or none, and nobody would know the answers. `record` is NULL where nothing is kept in what was found.
 */
static __always_inline bool side_keep_port(struct side *side, struct flow_record *record,
					   const struct flow_record *found)
{
	const struct port_asked *asked = side->told.to_port ? port_asked() : NULL;

	if (!asked)
		return true;
	if (!record)
		return found && path_has_port(&found->path, &side->told);
	if (side->anew || (!READ_ONCE(record->path.nat_port) && side_is_fresh(side, record))) {
		__builtin_memcpy(record->path.nat_address, asked->address, 16);
		WRITE_ONCE(record->path.nat_port, asked->port);
	}
	return path_has_port(&record->path, &side->told);
}

/* Whether what was decided for this packet is its flow's. */
static __always_inline bool side_may_keep(const struct side *side, const struct forwarding *now)
{
	return side_is_own(side, now) && !side->as_host && !side_is_refused_opening(side) &&
	       (side->direction == FLOW_EGRESS || !service_may_aim_elsewhere(&side->target, &side->key));
}

/* Whether what the flow keeps is about this packet too. */
static __always_inline bool side_may_follow(const struct side *side, const struct flow_path *kept,
					    const struct forwarding *now)
{
	return !side->anew && path_is_current(kept, now) && path_has_port(kept, &side->told) &&
	       (side->direction == FLOW_EGRESS || !path_is_as_host(kept, &side->told));
}

/* The flow's path: kept, or decided now. Nothing is kept in a flow that the packet doesn't count in. */
static __always_inline void side_decide(struct __sk_buff *skb, struct side *side, struct flow_record *found,
					const struct forwarding *now)
{
	struct flow_record *record = side->class ? NULL : found;

	if (record && side_may_follow(side, &record->path, now)) {
		side->path = record->path;
		if (path_is_current(&record->path, now))
			return;
		__builtin_memset(&side->path, 0, sizeof(side->path));
	}
	if (!side_keep_port(side, record, found)) {
		path_refuse(&side->path, PATH_REASON_NO_PORT);
		return;
	}
	if (side_aim(skb, side, found, now)) {
		side_judge(skb, side);
		nat_decide(skb, &side->path, &side->key, found, side->direction);
	}
	if (record && side_may_keep(side, now))
		path_keep(&record->path, &side->path, side->anew);
}

/* Who opened the flow, by its record; by the packet when there is none, or when it opens a closed one anew. */
static __always_inline void side_find_opener(struct side *side, const struct flow_record *record)
{
	union tcp_word word = {};

	side->opener = opener_in(&side->packet, side->direction);
	side->anew = flow_is_icmp_error(&side->key);
	if (!record || record->tuple_check != flow_tuple_check(&side->key))
		return;
	word.word = READ_ONCE(*(const __u32 *)record->tcp_flags);
	if (side->key.proto == IPPROTO_TCP && tcp_reopens(word, side->packet.tcp_flags, side->packet.tcp_seq, record->isn))
		side->anew = true;
	else
		side->opener = word.opener;
}

static __always_inline void side_add(struct __sk_buff *skb, struct side *side, struct flow_record *record,
				     const struct flow_counters *add, __u32 direction)
{
	struct flow_pace pace = flow_add(record, add, direction);

	__sync_fetch_and_add(&record->path.slow_packets, (__u32)add->packets);
	if (side->packet.tcp_flags)
		tcp_follow(record, &side->key, side->packet.tcp_flags, side->packet.tcp_seq, direction);
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
	__u32 class = 0;

	if (direction == FLOW_EGRESS)
		side->key = side->packet.key;
	else
		flow_reverse(&side->key, &side->packet.key);
	record = flow_find_or_open(skb, &side->key, &side->packet, direction, &class);
	if (!record)
		side->class = class;
	else if (!flow_is_live(record, &side->key))
		side->class = EP_FLOW_RETIRED;
	side_find_opener(side, record);
	side_decide(skb, side, record, now);
	if (side->class || !record || (side->unjudged && direction == FLOW_INGRESS))
		return;
	if (side->path.verdict == VERDICT_DROP)
		flow_add_drop(record, PATH_REASON_BASE + side->path.reason);
	if (direction == FLOW_EGRESS || side->path.verdict != VERDICT_DROP)
		side_add(skb, side, record, add, direction);
}

#endif
