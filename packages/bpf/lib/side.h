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
#include "lib/icmp_error.h"
#include "lib/nat.h"
#include "lib/own_drop.h"
#include "lib/policy.h"
#include "lib/punt.h"
#include "lib/service_flow.h"

/* What the slow path found: by value, so that it holds whatever becomes of the record. */
struct side {
	struct packet packet;
	struct flow_key key;
	struct flow_target target;
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

/* What an ICMP error is about: too large for the stack as well. */
struct quoted_flow {
	struct flow_key sent; /* as the quoted packet's sender has it; then as it is beyond the endpoint's link */
	struct flow_key key;  /* as the endpoint has it */
	struct flow_path path;
	struct icmp_error error;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct quoted_flow);
} quoted_flow __weak SEC(".maps");

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
	record = flow_lookup_live(&own);
	if (!record && service_flow_of(&own))
		record = flow_lookup_live(&own);
	if (record)
		flow_add_drop(record, PATH_REASON_BASE + reason);
	return drop_own(skb, &own, FLOW_EGRESS, reason);
}

/*
 * The flow that is quoted, which `sent` then is beyond the endpoint's link. NULL: there is none, or it is being taken out. What
 * arrives quotes the service already (service_packet.h), what an endpoint sends the backend.
 */
static __always_inline const struct flow_record *quoted_record(struct quoted_flow *quoted, __u32 direction)
{
	const struct flow_record *record = bpf_map_lookup_elem(&flows, &quoted->key);

	if (direction == FLOW_EGRESS && (!record || !flow_is_live(record, &quoted->key)) &&
	    service_flow_of(&quoted->key))
		record = bpf_map_lookup_elem(&flows, &quoted->key);
	if (!record || record->tuple_check != flow_tuple_check(&quoted->key))
		return NULL;
	flow_key_on_wire(&quoted->sent, &quoted->key, &record->path);
	return flow_is_live(record, &quoted->key) ? record : NULL;
}

/*
 * An ICMP error about a flow of the endpoint is judged as that flow: whoever may send it may also tell how it fares.
 * POLICY_UNJUDGED also when there is no such flow.
 */
VERIFIED_ALONE int side_judge_error(struct __sk_buff *skb, struct side *side, __u32 set)
{
	const struct flow_record *record;
	struct quoted_flow *quoted;
	__u32 zero = 0;

	quoted = bpf_map_lookup_elem(&quoted_flow, &zero);
	if (!side || !quoted)
		return POLICY_UNJUDGED;
	__builtin_memset(quoted, 0, sizeof(*quoted));
	if (!icmp_error_quotes(skb, &side->packet, &quoted->error, &quoted->sent))
		return POLICY_UNJUDGED;
	quoted->key = quoted->sent;
	if (side->direction == FLOW_EGRESS)
		flow_reverse(&quoted->key, &quoted->sent);
	record = quoted_record(quoted, side->direction);
	if (!record)
		return POLICY_UNJUDGED;
	path_decide(&quoted->path, &quoted->sent);
	if (quoted->path.verdict != VERDICT_DROP)
		quoted->path.verdict = VERDICT_FORWARD;
	if (policy_judge(&quoted->path, &quoted->sent, record->opener, set) ||
	    !verdict_forwards(quoted->path.verdict))
		return POLICY_UNJUDGED;
	if (side->path.verdict == VERDICT_FORWARD)
		side->path.verdict = quoted->path.verdict;
	side->path.rule = quoted->path.rule;
	side->path.revision = quoted->path.revision;
	return 0;
}

/* Its packets go up to the agent, which puts them back when it knows. */
static __always_inline void side_ask(struct side *side)
{
	side->path.kind = PATH_PUNT;
	side->path.verdict = VERDICT_PUNT;
}

/* Whether the flow may pass, whose way is found. What can't be judged is the agent's to learn; without it, it is refused. */
VERIFIED_ALONE int side_judge(struct __sk_buff *skb, struct side *side)
{
	const struct forwarding *now = forwarding_now();

	if (!side || !now || now->policy_set == POLICY_NO_SET)
		return 0;
	if (side->direction == FLOW_INGRESS) {
		side->as_host = path_is_as_host(&side->path, &side->told);
		path_take_told(&side->path, &side->told);
	}
	if (side->path.verdict == VERDICT_DROP)
		return 0; /* refused before: there is nothing to judge */
	if (flow_is_icmp_error(&side->key) && !side_judge_error(skb, side, now->policy_set))
		return 0;
	if (!policy_judge(&side->path, &side->target.wire, side->opener, now->policy_set))
		return 0;
	if (side->came_up || !punt_is_there(skb, now)) {
		path_refuse(&side->path, PATH_REASON_UNRESOLVED);
		return 0;
	}
	side_ask(side);
	side->unjudged = true;
	return 0;
}

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
	path_decide(&side->path, &side->target.wire);
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
