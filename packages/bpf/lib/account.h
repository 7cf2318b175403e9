/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Counting a packet into its flow: parsed, found or opened, added to, its connection's state followed. Shared by
 * the observer's hooks and the dataplane's; what becomes of the packet is decided elsewhere.
 */
#ifndef MILLRACE_ACCOUNT_H
#define MILLRACE_ACCOUNT_H

#include "lib/load_skb.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/endpoints.h"
#include "lib/flow_budget.h"
#include "lib/flows.h"
#include "lib/kernel_skb.h"
#include "lib/fragment.h"
#include "lib/parse.h"
#include "lib/observe_config.h"
#include "lib/plain.h"
#include "lib/segments.h"
#include "lib/tcp_state.h"

static __always_inline struct endpoint *endpoint_of(struct __sk_buff *skb)
{
	return endpoint_at(device_netns_cookie(kernel_device(skb)), skb->ifindex);
}

/* 0 when the packet's flow can be told; else the negative endpoint_class of a packet that has none. */
VERIFIED_ALONE int packet_parse(struct __sk_buff *skb, struct packet *packet, bool ethernet)
{
	struct packet_source source = { .skb = skb, .end = skb->len, .offloaded = skb->gso_size != 0 };
	__u32 at = 0;
	int result;

	if (!packet)
		return -EP_NOT_IP;
	if (skb->vlan_present)
		packet_take_vlan(packet, skb->vlan_tci);
	if (ethernet) {
		result = parse_ethernet(&source, packet, &at);
		if (result < 0)
			return result;
	} else if (skb->protocol == bpf_htons(ETH_P_IP)) {
		packet->key.family = 4;
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		packet->key.family = 6;
	} else {
		return -EP_NOT_IP;
	}
	return parse_ip(&source, packet, at);
}

static __always_inline void packet_match_fragment(struct packet *packet)
{
	if (packet->fragment_first)
		fragment_remember(packet);
	else if (packet->fragment_offset)
		fragment_recall(packet);
}

/* Who opens the flow that a packet is the first of, as far as it tells. */
static __always_inline __u8 opener_in(const struct packet *packet, __u32 direction)
{
	if (packet->key.proto == IPPROTO_TCP)
		return tcp_opener(packet->tcp_flags, direction);
	return opener_of(packet->icmp_echo_reply ? !direction : direction);
}

static __always_inline void flow_record_open(struct flow_record *record, const struct flow_key *key,
					     const struct packet *packet, __u32 direction)
{
	record->first_seen_ns = bpf_ktime_get_boot_ns();
	record->last_seen_ns = record->first_seen_ns;
	record->tuple_check = flow_tuple_check(key);
	if (key->proto == IPPROTO_TCP && !(packet->notes & (1u << EP_NOTE_L4_TRUNCATED)) &&
	    !packet->fragment_offset) {
		union tcp_word word = tcp_word_open(packet->tcp_flags, direction);

		*(__u32 *)record->tcp_flags = word.word;
		if (word.state == FLOW_TCP_OPENING) {
			bool answer = packet->tcp_flags & TCP_FLAG_BYTE_ACK;

			record->isn = answer ? packet->tcp_ack - 1 : packet->tcp_seq;
			record->opens = answer ? 0 : 1;
		}
	} else if (key->proto != IPPROTO_TCP) {
		record->opener = opener_in(packet, direction);
	}
}

/* A record in the making: too large for the stack. Hooks run with softirqs off, so none is in the middle of another. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_record);
} flow_opening __weak SEC(".maps");

/* 0 when the entry is there, new or made by another CPU meanwhile; else the negative endpoint_class for want of room. */
static __noinline int flow_insert(const struct flow_key *key, const struct flow_record *record)
{
	struct flow_holder *holder;
	int error;

	if (!key || !record)
		return -EP_TABLE_FULL;
	holder = flow_holder_of(key->endpoint_id);
	if (!holder)
		return -EP_TABLE_FULL;
	if (!flow_place_take(holder, observe_config.flow_budget))
		return -EP_OVER_BUDGET;
	error = bpf_map_update_elem(&flows, key, record, BPF_NOEXIST);
	if (!error) {
		emit_flow_opened(key, record->cgroup_id);
		if (tcp_is_over(record->tcp_state))
			emit_flow_closed(key, record->tcp_state);
		return 0;
	}
	flow_place_give_back(holder);
	return error == -EEXIST ? 0 : -EP_TABLE_FULL;
}

/* As flow_insert. */
static __noinline int flow_open(struct __sk_buff *skb, const struct flow_key *key, const struct packet *packet,
				__u32 direction)
{
	struct flow_record *record;
	__u32 zero = 0;

	if (!key || !packet || direction >= FLOW_DIRECTIONS)
		return -EP_TABLE_FULL;
	record = bpf_map_lookup_elem(&flow_opening, &zero);
	if (!record)
		return -EP_TABLE_FULL;
	__builtin_memset(record, 0, sizeof(*record));
	flow_record_open(record, key, packet, direction);
	if (direction == FLOW_EGRESS)
		record->cgroup_id = bpf_skb_cgroup_id(skb);
	return flow_insert(key, record);
}

/*
 * The packet's flow, opened when there is none; NULL, and in `class` why it has none. An entry that is deleted between
 * the two look-ups leaves the packet as one that came when there was no room.
 */
static __always_inline struct flow_record *flow_find_or_open(struct __sk_buff *skb, const struct flow_key *key,
							     const struct packet *packet, __u32 direction,
							     __u32 *class)
{
	struct flow_record *record = bpf_map_lookup_elem(&flows, key);
	int error;

	if (record)
		return record;
	error = flow_open(skb, key, packet, direction);
	*class = error ? -error : EP_TABLE_FULL;
	return error ? NULL : bpf_map_lookup_elem(&flows, key);
}

/* The socket is at hand when it sends: its smoothed RTT costs no look-up here, and no callback per ACK. */
static __always_inline void flow_take_rtt(struct __sk_buff *skb, struct flow_record *record)
{
	struct bpf_sock *sk = skb->sk;
	struct bpf_tcp_sock *tcp;

	if (!sk)
		return;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return;
	tcp = bpf_tcp_sock(sk);
	if (!tcp || !tcp->srtt_us)
		return;
	record->rtt_us = tcp->srtt_us >> 3;
	record->rtt_min_us = tcp->rtt_min;
}

struct flow_pace {
	bool ticked; /* the flow's first packet since the timer ticked */
	bool moved;  /* its first in this epoch: the agent must look at it */
};

/* race: two CPUs may both see the old time: the flow is told of twice, which harms nobody. */
static __always_inline struct flow_pace flow_add(struct flow_record *record, const struct flow_counters *add,
						 __u32 direction)
{
	struct flow_counters *counters = &record->counters[direction];
	struct flow_pace pace = {};
	__u64 now = clock_boot_ns_coarse();
	__u64 before;

	__sync_fetch_and_add(&counters->packets, add->packets);
	__sync_fetch_and_add(&counters->segments, add->segments);
	__sync_fetch_and_add(&counters->bytes, add->bytes);
	before = record->last_seen_ns;
	if (before >= now)
		return pace;
	record->last_seen_ns = now;
	pace.ticked = true;
	pace.moved = before >> FLOW_EPOCH_BITS != now >> FLOW_EPOCH_BITS;
	return pace;
}

/* Once a tick and not for every packet: the agent reads once a second, and the socket's memory is elsewhere. */
static __always_inline void flow_take_socket(struct __sk_buff *skb, struct flow_record *record, bool tcp, bool ticked)
{
	if (!record->cgroup_id)
		record->cgroup_id = bpf_skb_cgroup_id(skb);
	if (tcp && (ticked || !record->rtt_us))
		flow_take_rtt(skb, record);
}

/* Adds the packet to its flow; or the negative endpoint_class it counts in instead. */
static __always_inline int flow_update(struct __sk_buff *skb, struct packet *packet,
				       const struct flow_counters *add, __u32 direction)
{
	struct flow_key key;
	struct flow_record *record;
	struct flow_pace pace;
	__u32 class = 0;

	if (direction == FLOW_EGRESS)
		key = packet->key;
	else
		flow_reverse(&key, &packet->key);
	record = flow_find_or_open(skb, &key, packet, direction, &class);
	if (!record)
		return -(int)class;
	if (!flow_is_live(record, &key))
		return -EP_FLOW_RETIRED;
	pace = flow_add(record, add, direction);
	if (packet->tcp_flags)
		tcp_follow(record, &key, packet->tcp_flags, packet->tcp_seq, direction);
	if (direction == FLOW_EGRESS)
		flow_take_socket(skb, record, key.proto == IPPROTO_TCP, pace.ticked);
	if (pace.moved)
		emit_flow_moved(&key);
	return 0;
}

/*
 * A plain packet of a flow that is known, and that opens none: false, and nothing was counted, when it is anything else.
 * It must leave behind what the whole way would.
 */
static __always_inline bool flow_update_plain(struct __sk_buff *skb, __u32 endpoint_id,
					      const struct flow_counters *add, __u32 direction)
{
	struct plain_packet plain;
	struct flow_record *record;
	struct flow_pace pace;
	__u8 flags;

	if (!plain_parse(&plain, skb, endpoint_id, direction) || tcp_may_open(plain.tcp_flags))
		return false;
	flags = plain.tcp_flags;
	record = bpf_map_lookup_elem(&flows, &plain.flow);
	if (!record || !flow_is_live_as(record, flow_words_check(&plain.flow)))
		return false;
	pace = flow_add(record, add, direction);
	if (flags && tcp_must_follow(record, flags, direction))
		tcp_follow(record, &plain.flow.key, flags, 0, direction);
	if (direction == FLOW_EGRESS)
		flow_take_socket(skb, record, flags != 0, pace.ticked);
	if (pace.moved)
		emit_flow_moved(&plain.flow.key);
	return true;
}

#endif
