/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Masquerading, done: a pod's packets sent out of the host under its address, and the outside's answers turned back into
 * the pod's. What isn't known here is the host's own, and stays as it is.
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

/* What answers from a host port goes to a pod of another host. Negative: counted, and to be dropped. `key` is the flow's. */
VERIFIED_ALONE int nat_send_on(struct __sk_buff *skb, const struct way *way, const struct flow_key *key, bool is_plain)
{
	const struct packet *packet = is_plain ? NULL : nat_parsed();
	struct nat_work *work = nat_work_begin();

	if (!way || !key || !work)
		return -1;
	nat_place_sent(work, way, key, packet);
	if (!(packet && nat_hides_port(packet)) && !rewrite_end(skb, &work->place, &work->end))
		return 0;
	drop_lost(skb, key, PATH_REASON_UNTRANSLATABLE);
	return -1;
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
 * The flow that a pod's error is about, by what this CPU's work has read of the quote: a packet that came to the pod. Leaves
 * the flow and its way there. 0: there is none. verifier: a frame of its own.
 */
VERIFIED_ALONE int nat_find_quoted(__u32 endpoint_id)
{
	__u32 zero = 0;
	struct nat_work *work = bpf_map_lookup_elem(&nat_works, &zero);
	const struct flow_record *record;

	if (!work)
		return 0;
	flow_reverse(&work->flow, &work->quote.key);
	work->flow.vlan = 0;
	work->flow.endpoint_id = endpoint_id;
	record = flow_lookup_live(&work->flow);
	if (!record && translation_returned(&work->entry, &work->at, &work->flow)) {
		work->flow = work->entry.flow;
		record = flow_lookup_live(&work->flow);
	}
	if (!record)
		return 0;
	way_of(&work->way, &record->path);
	return 1;
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
	if (!nat_find_quoted(key->endpoint_id) || work->way.kind != PATH_MASQUERADE)
		return TCX_NEXT_PROGRAM;
	nat_end(&work->end, work->flow.saddr, work->flow.sport, work->way.nat_address, work->way.nat_port);
	hop = nat_hop(skb, &work->place, work->way.ifindex);
	if (hop == NAT_HOSTS)
		return TCX_NEXT_PROGRAM;
	if (hop != NAT_GOES || nat_rewrite_error(skb, work))
		return drop_lost(skb, key, PATH_REASON_UNTRANSLATABLE);
	return bpf_redirect_neigh(work->way.ifindex, NULL, 0, 0);
}

static __always_inline bool nat_is_in_range(const struct forwarding *now, __be16 port)
{
	__u16 number = bpf_ntohs(port);

	return now->nat_first && number >= now->nat_first && number <= now->nat_last;
}

#define NAT_NOT_OURS 0 /* untouched */
#define NAT_RETURNED 1 /* a pod's now, which spoke first */
#define NAT_CAME 2     /* a pod's now, by a port of this host's that leads to it: nat_tell_port */
#define NAT_BROKEN 3   /* neither: counted, and to be dropped */

static __always_inline int nat_broken(struct __sk_buff *skb, const struct nat_work *work, __u32 reason)
{
	drop_own(skb, &work->entry.flow, FLOW_INGRESS, reason);
	return NAT_BROKEN;
}

/* For whom something may have come to this host's own port. */
static __always_inline bool nat_may_return(const struct forwarding *now, __be16 port)
{
	return now->host_ports || nat_is_in_range(now, port);
}

static __always_inline bool nat_is_here(const struct flow_key *flow)
{
	const struct local *here = bpf_map_lookup_elem(&locals, flow->saddr);

	return here && here->endpoint_id == flow->endpoint_id;
}

/* The answers to a flow that comes to a host port leave from there. Of a pod that is gone, the claim is anybody's. */
static __always_inline bool nat_claim_host_port(struct nat_work *work)
{
	const struct translation *other;

	if (translation_claim(work))
		return true;
	other = bpf_map_lookup_elem(&translations, &work->at);
	return other && !nat_is_here(&other->flow) &&
	       bpf_map_update_elem(&translations, &work->at, &work->entry, BPF_ANY) == 0;
}

/*
 * `leads` is where the port leads to that `flow` came to. NOT_OURS: that pod is gone. Claimed once the pod has a flow for it, of
 * which it may have only so many: nobody outside fills the table for the others.
 */
static __always_inline int nat_come(struct __sk_buff *skb, struct nat_work *work, const struct flow_key *flow,
				    const struct service_backend *leads, bool opens)
{
	const struct local *here = bpf_map_lookup_elem(&locals, leads->address);

	if (!here)
		return NAT_NOT_OURS;
	work->entry.flow = *flow;
	__builtin_memcpy(work->entry.flow.saddr, leads->address, 16);
	work->entry.flow.sport = leads->port;
	work->entry.flow.endpoint_id = here->endpoint_id;
	work->entry.claimed_s = translation_now_s();
	if (!bpf_map_lookup_elem(&flows, &work->entry.flow))
		return opens ? NAT_CAME : NAT_NOT_OURS;
	return nat_claim_host_port(work) ? NAT_CAME : nat_broken(skb, work, PATH_REASON_NO_PORT);
}

static __always_inline bool nat_is_of_host_port(const struct flow_key *flow, const struct service_backend *leads)
{
	return flow->sport == leads->port && address_equals(flow->saddr, leads->address);
}

/*
 * Whose a packet is that came to this host's own address; `flow` is as a pod with that address would see it, untagged. `opens`: it
 * may be the first of its flow.
 */
static __always_inline int nat_find_owner(struct __sk_buff *skb, struct nat_work *work, const struct flow_key *flow,
					  bool opens)
{
	const struct forwarding *now = forwarding_now();
	const struct service_backend *leads = NULL;
	int result = NAT_RETURNED;

	if (now && now->host_ports)
		leads = host_port_at(flow->saddr, flow->sport, flow->proto);
	if (!now || (!leads && !nat_is_in_range(now, flow->sport)))
		return NAT_NOT_OURS;
	translation_key_of(&work->at, flow, flow->saddr, flow->sport);
	if (translation_find(&work->entry, &work->at) && nat_is_here(&work->entry.flow)) {
		if (leads && nat_is_of_host_port(&work->entry.flow, leads))
			result = NAT_CAME;
	} else {
		result = leads ? nat_come(skb, work, flow, leads, opens) : NAT_NOT_OURS;
	}
	nat_end(&work->end, flow->saddr, flow->sport, work->entry.flow.saddr, work->entry.flow.sport);
	return result;
}

static __always_inline bool nat_is_found(int result)
{
	return result == NAT_RETURNED || result == NAT_CAME;
}

/* After NAT_CAME: to which port, for the receiver's side. */
static __always_inline void nat_tell_port(struct told *told)
{
	__u32 zero = 0;
	const struct nat_work *work = bpf_map_lookup_elem(&nat_works, &zero);
	struct port_asked *asked = port_asked();

	if (!work || !asked)
		return;
	told->to_port = true;
	asked->port = work->at.port;
	__builtin_memcpy(asked->address, work->at.address, 16);
}

/* An answer from the outside, made its pod's; `plain` follows. */
VERIFIED_ALONE int nat_return_plain(struct __sk_buff *skb, struct plain_packet *plain)
{
	struct nat_work *work = nat_work_begin();
	int result;

	if (!plain || !work)
		return NAT_NOT_OURS;
	result = nat_find_owner(skb, work, &plain->flow.key, true);
	if (!nat_is_found(result))
		return result;
	nat_place_plain(&work->place, &plain->flow.key);
	if (rewrite_end(skb, &work->place, &work->end))
		return nat_broken(skb, work, PATH_REASON_UNTRANSLATABLE);
	/* Whom it comes from stays as it is: the flow may name a service, which is the pod's link to know. */
	__builtin_memcpy(plain->flow.key.saddr, work->entry.flow.saddr, 16);
	plain->flow.key.sport = work->entry.flow.sport;
	return result;
}

/* An error about what a pod sent: inside it, too, the pod must find its own address. */
static __always_inline int nat_return_error(struct __sk_buff *skb, const struct packet *packet, struct nat_work *work)
{
	nat_place_parsed(&work->place, packet);
	if (quote_read(skb, &work->place, &work->quote) ||
	    !nat_is_found(nat_find_owner(skb, work, &work->quote.key, false)))
		return NAT_NOT_OURS;
	work->end.source = true;
	return nat_rewrite_error(skb, work) ? nat_broken(skb, work, PATH_REASON_UNTRANSLATABLE) : NAT_RETURNED;
}

/* An answer that isn't plain: an echo's, or one with options or in pieces. Later pieces go by what their first one was. */
static __always_inline int nat_return_parsed(struct __sk_buff *skb, struct packet *packet, struct nat_work *work)
{
	int result;

	if (packet->fragment_offset)
		fragment_recall(packet);
	else if (proto_is_icmp(packet->key.proto) && !packet->icmp_echo_reply)
		return NAT_NOT_OURS;
	flow_reverse(&work->flow, &packet->key);
	result = nat_find_owner(skb, work, &work->flow, true);
	if (!nat_is_found(result))
		return result;
	if (packet->fragment_first)
		fragment_remember(packet);
	nat_place_parsed(&work->place, packet);
	if (rewrite_end(skb, &work->place, &work->end))
		return nat_broken(skb, work, PATH_REASON_UNTRANSLATABLE);
	return result;
}

/* For what plain_parse left alone. `packet` follows. */
VERIFIED_ALONE int nat_return_any(struct __sk_buff *skb, struct packet *packet)
{
	struct nat_work *work = nat_work_begin();
	int result;

	if (!packet || !work || packet->key.vlan)
		return NAT_NOT_OURS; /* a tag's network is another device's */
	if (!packet->fragment_offset && flow_is_icmp_error(&packet->key))
		result = nat_return_error(skb, packet, work);
	else
		result = nat_return_parsed(skb, packet, work);
	if (nat_is_found(result))
		__builtin_memcpy(packet->key.daddr, work->entry.flow.saddr, 16);
	return result;
}

#endif
