/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Masquerading, done: a pod's packets sent out of the host under its address. What comes back is nat_return.h's.
 */
#ifndef MILLRACE_NAT_PACKET_H
#define MILLRACE_NAT_PACKET_H

#include "lib/nat.h"
#include "lib/rewrite.h"
#include "lib/side.h"

static __always_inline void nat_place_plain(struct rewrite_place *place, const struct flow_key *key)
{
	place->ip_at = ETH_HEADER_BYTES;
	place->transport_at = ETH_HEADER_BYTES + (key->family == 6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
	place->family = key->family;
	place->proto = key->proto;
}

static __always_inline void nat_place_parsed(struct rewrite_place *place, const struct packet *packet)
{
	place->ip_at = packet->ip_at;
	place->transport_at = packet->fragment_offset ? 0 : packet->transport_at;
	place->end = packet->ip_end;
	place->family = packet->key.family;
	place->proto = packet->key.proto;
}

static __always_inline void nat_end(struct rewrite *end, const __u8 from[16], __be16 from_port, const __u8 to[16],
				    __be16 to_port)
{
	address_copy(end->from, from);
	address_copy(end->to, to);
	end->from_port = from_port;
	end->to_port = to_port;
}

/* What the slow path has just parsed on this CPU. */
static __always_inline const struct packet *nat_parsed(void)
{
	__u32 direction = FLOW_EGRESS;
	const struct side *side = bpf_map_lookup_elem(&sides, &direction);

	return side ? &side->packet : NULL;
}

/* Cut off before its identifier, or a later fragment of nobody knows what: its flow's 0 is no identifier. */
static __always_inline bool nat_hides_port(const struct packet *packet)
{
	return packet->notes & (1u << EP_NOTE_L4_TRUNCATED | 1u << EP_NOTE_FRAGMENT_UNMATCHED);
}

#define NAT_GOES 1
#define NAT_HOSTS 0  /* the host's stack must answer it with an error, as a router does: it is as it came */
#define NAT_STAYS -1 /* to be dropped */

/* One hop less, if it has one left and fits the uplink. */
static __always_inline int nat_hop(struct __sk_buff *skb, const struct rewrite_place *place, __u32 uplink)
{
	__u32 bytes = 0; /* of the packet: it says itself */
	__be16 fragment;

	if (bpf_check_mtu(skb, uplink, &bytes, 0, 0) != BPF_MTU_CHK_RET_FRAG_NEEDED)
		return rewrite_hop(skb, place);
	if (place->family == 6)
		return NAT_HOSTS;
	if (bpf_skb_load_bytes(skb, place->ip_at + IP4_FRAGMENT_AT, &fragment, 2))
		return NAT_STAYS;
	return fragment & bpf_htons(IP4_DONT_FRAGMENT) ? NAT_HOSTS : NAT_STAYS;
}

/* Of a packet that a pod sends: its own end becomes the one that the far side knows. */
static __always_inline void nat_place_sent(struct nat_work *work, const struct way *way, const struct flow_key *key,
					   const struct packet *packet)
{
	if (packet)
		nat_place_parsed(&work->place, packet);
	else
		nat_place_plain(&work->place, key);
	nat_end(&work->end, key->saddr, key->sport, way->nat_address, way->nat_port);
	work->end.source = true;
}

/* A packet of a masqueraded flow, out of the host; the kernel finds the next hop. `key` is the flow's. */
VERIFIED_ALONE int nat_send(struct __sk_buff *skb, const struct way *way, const struct flow_key *key, bool is_plain)
{
	const struct packet *packet = is_plain ? NULL : nat_parsed();
	struct nat_work *work = nat_work_begin();
	int hop;

	if (!way || !key || !work)
		return TCX_DROP_PACKET;
	nat_place_sent(work, way, key, packet);
	hop = nat_hop(skb, &work->place, way->ifindex);
	if (hop == NAT_HOSTS)
		return TCX_NEXT_PROGRAM;
	if (hop != NAT_GOES || (packet && nat_hides_port(packet)) || rewrite_end(skb, &work->place, &work->end))
		return drop_lost(skb, key, PATH_REASON_UNTRANSLATABLE);
	return bpf_redirect_neigh(way->ifindex, NULL, 0, 0);
}

/* The quoted packet, and then the error's own address: it has no port. */
static __always_inline int nat_rewrite_error(struct __sk_buff *skb, struct nat_work *work)
{
	if (quote_rewrite(skb, &work->place, &work->quote, &work->end))
		return -1;
	work->end.source = !work->end.source;
	work->end.to_port = work->end.from_port;
	return rewrite_end(skb, &work->place, &work->end);
}

/*
 * The flow that a pod's error is about, by what this CPU's work has read of the quote: a packet that came to the pod, as the pod has it
 * or as it is beyond its link. Leaves the flow and its way there. 0: there is none. verifier: a frame of its own.
 */
VERIFIED_ALONE int nat_find_quoted(__u32 endpoint_id, bool on_wire)
{
	struct nat_work *work = nat_work_now();
	const struct flow_record *record;

	if (!work)
		return 0;
	flow_reverse(&work->flow, &work->quote.key);
	work->flow.vlan = 0;
	work->flow.endpoint_id = endpoint_id;
	record = flow_lookup_live(&work->flow);
	if (record && on_wire && record->path.wire_port)
		record = NULL;
	if (!record && translation_returned(&work->entry, &work->at, &work->flow)) {
		work->flow = work->entry.flow;
		record = flow_lookup_live(&work->flow);
	}
	if (!record)
		return 0;
	way_of(&work->way, &record->path);
	return 1;
}

#define NAT_ERROR_BACK (-2) /* by the way that nat_work has, through the tunnel; no answer of a program */

/* Whether the far side knows the flow by another host's port. */
static __always_inline bool way_is_back(const struct way *way)
{
	return way->kind == PATH_OVERLAY && way->nat_port && !way->nat_dst_port;
}

/*
 * An ICMP error of a pod to the outside, about a packet of a masqueraded flow: the outside must find in it what it sent.
 * About any other it is the host's stack's to send, as it is. `key` is the error's own flow.
 */
VERIFIED_ALONE int nat_send_error(struct __sk_buff *skb, const struct flow_key *key)
{
	const struct packet *packet = nat_parsed();
	struct nat_work *work = nat_work_begin();
	int hop;

	if (!packet || !key || !work)
		return TCX_NEXT_PROGRAM;
	nat_place_parsed(&work->place, packet);
	if (!work->place.transport_at || quote_read(skb, &work->place, &work->quote))
		return TCX_NEXT_PROGRAM;
	if (!nat_find_quoted(key->endpoint_id, true) ||
	    (work->way.kind != PATH_MASQUERADE && !way_is_back(&work->way)))
		return TCX_NEXT_PROGRAM;
	nat_end(&work->end, work->flow.saddr, work->way.wire_port ? work->way.wire_port : work->flow.sport,
		work->way.nat_address, work->way.nat_port);
	if (way_is_back(&work->way))
		return nat_rewrite_error(skb, work) ? drop_lost(skb, key, PATH_REASON_UNTRANSLATABLE) : NAT_ERROR_BACK;
	hop = nat_hop(skb, &work->place, work->way.ifindex);
	if (hop == NAT_HOSTS)
		return TCX_NEXT_PROGRAM;
	if (hop != NAT_GOES || nat_rewrite_error(skb, work))
		return drop_lost(skb, key, PATH_REASON_UNTRANSLATABLE);
	return bpf_redirect_neigh(work->way.ifindex, NULL, 0, 0);
}

#endif
