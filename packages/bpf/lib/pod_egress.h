/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * The sender's side of what a pod sends, on the short way and on the slow path, and on to the receiver's when that is
 * a pod of the same host.
 */
#ifndef MILLRACE_POD_EGRESS_H
#define MILLRACE_POD_EGRESS_H

#include "lib/deliver.h"
#include "lib/neighbour.h"
#include "lib/refusal.h"
#include "lib/send.h"
#include "lib/side_take.h"

/* From the sender's sight to the receiver's. */
static __always_inline void plain_turn(struct plain_packet *plain, __u32 endpoint_id)
{
	__u64 *words = plain->flow.words;
	__u64 remote[2] = { words[2], words[3] };

	words[2] = words[0];
	words[3] = words[1];
	words[0] = remote[0];
	words[1] = remote[1];
	words[4] = (words[4] & ~0xffffffffull) | plain_ports((__u32)words[4], FLOW_INGRESS);
	words[5] = endpoint_id;
}

/* A packet whose sender's side is done, to a pod here. */
static __always_inline int pod_to_pod(struct __sk_buff *skb, const struct way *way,
				      struct plain_packet *plain, bool is_plain,
				      const struct flow_counters *add, bool by_netkit,
				      const struct forwarding *now)
{
	struct delivery delivery = { .by_netkit = by_netkit };
	struct endpoint *endpoint = delivery_to(&delivery, skb, way->ifindex, way->peer_endpoint);

	if (!endpoint)
		return drop_lost(skb, &plain->flow.key, PATH_REASON_ENDPOINT_GONE);
	if (is_plain)
		plain_turn(plain, way->peer_endpoint);
	return deliver(skb, endpoint, plain, is_plain, add, &delivery, NULL, now);
}

/* To the host's stack: neither to a pod here, a service, nor anywhere that the dataplane knows the way to. */
static __always_inline bool goes_to_host(const struct packet *packet, const struct forwarding *now)
{
	const struct route *route;

	if (local_of(packet->key.daddr, now) || target_may_be_other(&packet->key))
		return false;
	route = route_to(packet->key.daddr);
	return route && route->kind == PATH_HOST;
}

/* Of an endpoint that may send only as itself; link-local addresses go no farther than the host. */
static __always_inline bool source_is_own(const struct packet *packet, const struct forwarding *now)
{
	const struct local *here = local_of(packet->key.saddr, now);

	if (here)
		return here->endpoint_id == packet->key.endpoint_id &&
		       packet->key.family == address_family(packet->key.saddr);
	return packet->key.family == 6 && address_is_link_local(packet->key.saddr) && goes_to_host(packet, now);
}

/* IPv6's way of asking whether an address is free, before it has one. */
static __always_inline bool source_is_none(const struct packet *packet)
{
	const __u64 *words = (const __u64 *)packet->key.saddr;

	return packet->key.family == 6 && !words[0] && !words[1] && proto_is_icmp(packet->key.proto);
}

/* verifier: by itself, for the stack that the look-up of a route takes. */
static __noinline bool source_is_allowed(const struct packet *packet)
{
	const struct forwarding *now = forwarding_now();

	return packet && now && (source_is_own(packet, now) || source_is_none(packet));
}

/* Of no flow: random headers must not fill the table of losses, so all of an endpoint's are one entry. */
static __always_inline int drop_flowless(struct __sk_buff *skb, struct side *side, __u32 reason)
{
	side->key.endpoint_id = side->packet.key.endpoint_id;
	side->key.family = side->packet.key.family;
	return drop_own(skb, &side->key, FLOW_EGRESS, reason);
}

static __always_inline int pod_egress_unparsed(struct __sk_buff *skb, struct side *side, int class)
{
	if (class == EP_NOT_IP && arp_answer(skb))
		return bpf_redirect(skb->ifindex, 0);
	return drop_flowless(skb, side, class == EP_NOT_IP ? PATH_REASON_NOT_IP : PATH_REASON_MALFORMED);
}

static __always_inline bool is_solicitation(const struct packet *packet)
{
	return packet->key.proto == NEXTHDR_ICMP6 && packet->key.dport == bpf_htons(ND_SOLICITATION << 8);
}

#define POD_EGRESS_SEND 0 /* no answer of a program: go on, by the way that was found */

/* The slow path of the sender's side. Leaves the way and the flow's key, or answers what becomes of the packet. */
VERIFIED_ALONE int pod_egress_any(struct __sk_buff *skb, struct endpoint *endpoint, const struct flow_counters *add,
				     struct way *way, struct flow_key *key)
{
	const struct forwarding *now = forwarding_now();
	bool broken = false;
	struct side *side;
	int result;

	if (!endpoint || !add || !now || !way || !key)
		return TCX_DROP_PACKET;
	side = side_begin(FLOW_EGRESS, endpoint->endpoint_id);
	if (!side)
		return TCX_DROP_PACKET;
	side->link = skb->ifindex;
	result = packet_parse(skb, &side->packet, true);
	if (result < 0) {
		side_count_class(endpoint, FLOW_EGRESS, -result, add);
		endpoint_note_all(endpoint, side->packet.notes);
		return pod_egress_unparsed(skb, side, -result);
	}
	packet_match_fragment(&side->packet);
	endpoint_note_all(endpoint, side->packet.notes);
	if (!source_is_allowed(&side->packet)) {
		counters_add(&endpoint->counters[FLOW_EGRESS][EP_SPOOFED], add);
		return drop_flowless(skb, side, PATH_REASON_SPOOFED);
	}
	if (flow_is_icmp_error(&side->packet.key))
		broken = service_send_error(skb, &side->packet) < 0;
	side_take(skb, side, add, now, FLOW_EGRESS);
	side_count_class(endpoint, FLOW_EGRESS, side->class, add);
	if (side->path.reason == PATH_REASON_NO_PORT)
		endpoint_note_all(endpoint, 1u << EP_NOTE_NO_PORT);
	if (is_solicitation(&side->packet) && nd_answer(skb))
		return bpf_redirect(skb->ifindex, 0);
	if (side->path.verdict == VERDICT_DROP && refusal_is_due(side))
		return refuse(skb, endpoint, side);
	if (side->path.verdict == VERDICT_DROP)
		return drop_own(skb, &side->key, FLOW_EGRESS, side->path.reason);
	if (broken)
		return drop_lost(skb, &side->key, PATH_REASON_UNTRANSLATABLE);
	way_of(way, &side->path);
	*key = side->key;
	return POD_EGRESS_SEND;
}

/* The short way of the sender's side. false: it is pod_egress_any's, uncounted. */
static __always_inline bool pod_egress_plain(struct __sk_buff *skb, const struct plain_packet *plain, struct way *way,
					     const struct flow_counters *add, const struct forwarding *now)
{
	__u8 flags = plain->tcp_flags;
	struct flow_record *record;
	struct flow_pace pace;

	if (tcp_may_open(flags))
		return false;
	record = bpf_map_lookup_elem(&flows, &plain->flow);
	if (!record || !flow_is_live_as(record, flow_words_check(&plain->flow)) || !way_read(way, &record->path, now))
		return false;
	pace = flow_add(record, add, FLOW_EGRESS);
	if (flags && tcp_must_follow(record, flags, FLOW_EGRESS))
		tcp_follow(record, &plain->flow.key, flags, 0, FLOW_EGRESS);
	flow_take_socket(skb, record, flags != 0, pace.ticked);
	if (pace.moved)
		emit_flow_moved(&plain->flow.key);
	return true;
}

#endif
