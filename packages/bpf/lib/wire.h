/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * What doesn't come from a pod's link: by the uplink, where a tunnel's packet is recognised and a pod's packet given to
 * its pod, and what the agent puts back after it has learned the way.
 */
#ifndef MILLRACE_WIRE_H
#define MILLRACE_WIRE_H

#include "lib/deliver.h"
#include "lib/nat_packet.h"
#include "lib/refusal.h"
#include "lib/send.h"
#include "lib/tunnel.h"

/* What arrived and isn't plain: too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct packet);
} wire_packets __weak SEC(".maps");

static __always_inline struct packet *wire_packet(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&wire_packets, &zero);
}

static __always_inline int wire_parse(struct __sk_buff *skb, struct packet *packet)
{
	__builtin_memset(packet, 0, sizeof(*packet));
	return packet_parse(skb, packet, true);
}

static __always_inline const struct local *wire_receiver(const struct plain_packet *plain, bool is_plain,
							 const struct packet *packet)
{
	return bpf_map_lookup_elem(&locals, is_plain ? plain->flow.key.saddr : packet->key.daddr);
}

/* All that the host receives passes here: most of it is told by its port. */
static __always_inline int wire_return_plain(struct __sk_buff *skb, struct plain_packet *plain,
					     const struct forwarding *now)
{
	return nat_may_return(now, plain->flow.key.sport) ? nat_return_plain(skb, plain) : NAT_NOT_OURS;
}

/*
 * For a pod here, after whatever carried it is off; `delivery` has what that told. Uncounted and left alone when it is for nobody here. Answers to
 * masqueraded flows, and what is sent to a host port, come as they are, never through a tunnel.
 */
static __always_inline int wire_deliver(struct __sk_buff *skb, struct delivery *delivery, bool tunnelled,
					const struct forwarding *now)
{
	const struct local *here;
	struct endpoint *endpoint;
	struct plain_packet plain;
	struct packet *packet = wire_packet();
	struct flow_counters add;
	int result;
	bool is_plain = plain_parse(&plain, skb, 0, FLOW_INGRESS);

	if (!packet || (!is_plain && wire_parse(skb, packet) < 0))
		return TCX_NEXT_PROGRAM;
	here = wire_receiver(&plain, is_plain, packet);
	if (!here && !tunnelled && (now->nat_first || now->host_ports)) {
		result = is_plain ? wire_return_plain(skb, &plain, now) : nat_return_any(skb, packet);
		if (result == NAT_BROKEN)
			return TCX_DROP_PACKET;
		if (nat_is_found(result))
			here = wire_receiver(&plain, is_plain, packet);
		if (result == NAT_CAME)
			nat_tell_port(&delivery->told);
	}
	if (!here)
		return TCX_NEXT_PROGRAM;
	endpoint = delivery_to(delivery, skb, here->ifindex, here->endpoint_id);
	if (!endpoint)
		return drop_of_endpoint(skb, here->endpoint_id, FLOW_INGRESS, PATH_REASON_ENDPOINT_GONE);
	counters_of_packet(&add, skb, kernel_device(skb), FLOW_INGRESS);
	plain.flow.words[5] = here->endpoint_id;
	return deliver(skb, endpoint, &plain, is_plain, &add, delivery, &delivery->told, now);
}

/* true: a packet of our tunnel, for this host. */
static __always_inline bool wire_is_tunnel(struct __sk_buff *skb, const struct forwarding *now, struct told *told,
					   __be32 *from, bool *ip6)
{
	void *data = (void *)(long)skb->data;
	void *data_end = (void *)(long)skb->data_end;
	struct tunnel_headers *headers = data + ETH_HEADER_BYTES;

	if ((void *)(headers + 1) > data_end || skb->protocol != bpf_htons(ETH_P_IP) ||
	    *(__u8 *)headers != IP4_PLAIN || headers->ip.protocol != IPPROTO_UDP ||
	    headers->ip.frag_off & IP4_DONT_FRAGMENT_MASK || headers->udp.dest != now->tunnel_port ||
	    headers->ip.daddr != now->tunnel_address)
		return false;
	*from = headers->ip.saddr;
	*ip6 = headers->inner.h_proto == bpf_htons(ETH_P_IPV6);
	told->identity = bpf_ntohl(headers->vxlan.identity) >> 8;
	return headers->vxlan.flags == VXLAN_HAS_IDENTITY;
}

#define WIRE_AS_IT_CAME 0
#define WIRE_UNWRAPPED 1 /* a tunnel's outer headers are off, and `told` says who sent it */
/* Above 1: what becomes of the packet. */

static __noinline int wire_unwrap(struct __sk_buff *skb, struct told *told)
{
	const struct forwarding *now = forwarding_now();
	struct flow_key nobody = {};
	const __u32 *remote;
	__be32 from;
	bool ip6;

	if (!now || !told || !now->tunnel_port || !wire_is_tunnel(skb, now, told, &from, &ip6))
		return WIRE_AS_IT_CAME;
	remote = bpf_map_lookup_elem(&tunnel_peers, &from);
	if (!remote) {
		if (punt_is_there(skb, now))
			return bpf_redirect(now->punt, 0); /* the agent asks whether that host may speak for the sender */
		return drop_own(skb, &nobody, FLOW_INGRESS, PATH_REASON_UNKNOWN_TUNNEL);
	}
	told->remote = *remote;
	if (tunnel_take_off(skb, ip6))
		return drop_own(skb, &nobody, FLOW_INGRESS, PATH_REASON_ENCAPSULATION);
	return WIRE_UNWRAPPED;
}

/* By the sender's side, of a pod here. From another host's pod it can only go to one here, whose side judges it. */
static __always_inline void punted_decide(struct __sk_buff *skb, struct side *side, const struct forwarding *now)
{
	const struct local *here = bpf_map_lookup_elem(&locals, side->key.saddr);
	struct flow_record *record;

	if (!here) {
		path_decide(&side->path, &side->key);
		if (side->path.kind != PATH_LOCAL)
			path_refuse(&side->path, PATH_REASON_ENDPOINT_GONE);
		return;
	}
	side->link = here->ifindex;
	side->packet.key.endpoint_id = here->endpoint_id;
	packet_match_fragment(&side->packet);
	side->key = side->packet.key;
	side->came_up = true;
	record = flow_lookup_live(&side->key);
	if (!record && service_flow_of(&side->key)) {
		side->translated = true;
		record = flow_lookup_live(&side->key);
	}
	side_find_opener(side, record);
	side_decide(skb, side, record, now);
	if (record && side->path.verdict == VERDICT_DROP)
		flow_add_drop(record, PATH_REASON_BASE + side->path.reason);
}

/* Negative: counted, and to be dropped. */
static __always_inline int punted_translate(struct __sk_buff *skb, struct side *side, const struct way *way)
{
	if (!way->nat_dst_port || side->translated || side->path.verdict == VERDICT_DROP)
		return 0;
	return service_send(skb, way, &side->key, false);
}

/* What was found in the packet stands so much farther on afterwards. 0, or no room. */
static __always_inline int punted_put_head(struct __sk_buff *skb, struct side *side)
{
	side->packet.ip_at += ETH_HEADER_BYTES;
	side->packet.transport_at += ETH_HEADER_BYTES;
	side->packet.ip_end += ETH_HEADER_BYTES;
	return punt_put_head(skb);
}

/* Back into the pod that sent the packet. */
static __always_inline int punted_refuse(struct __sk_buff *skb, struct side *side)
{
	struct delivery delivery = {};
	struct endpoint *endpoint = delivery_to(&delivery, skb, side->link, side->key.endpoint_id);

	if (!endpoint || punted_put_head(skb, side))
		return drop_own(skb, &side->key, FLOW_EGRESS, side->path.reason);
	return refuse(skb, endpoint, side);
}

/*
 * The sender's side was counted when the packet came from the pod. A packet that would go up once more is dropped, since the
 * agent doesn't know either; but for one whose backend is known only now.
 */
static __always_inline int punted_send(struct __sk_buff *skb, const struct forwarding *now)
{
	struct side *side = side_begin(FLOW_EGRESS, 0);
	struct way way;
	int answer;

	if (!side)
		return TCX_DROP_PACKET;
	answer = packet_parse(skb, &side->packet, false);
	if (answer < 0)
		return drop_of_endpoint(skb, 0, FLOW_EGRESS,
					answer == -EP_NOT_IP ? PATH_REASON_NOT_IP : PATH_REASON_MALFORMED);
	side->key = side->packet.key;
	punted_decide(skb, side, now);
	if (side->link && side->path.verdict == VERDICT_DROP && refusal_is_due(side))
		return punted_refuse(skb, side);
	way_of(&way, &side->path);
	if (punted_translate(skb, side, &way))
		return TCX_DROP_PACKET;
	if (way.kind == PATH_PUNT && !side->came_up && punt_is_there(skb, now))
		return bpf_redirect(now->punt, 0);
	if (way.kind == PATH_PUNT)
		return drop_lost(skb, &side->key, PATH_REASON_UNRESOLVED);
	if (!verdict_forwards(side->path.verdict))
		return drop_own(skb, &side->key, FLOW_EGRESS, side->path.reason);
	if (punted_put_head(skb, side))
		return drop_lost(skb, &side->key, PATH_REASON_NO_HEADROOM);
	if (way.kind == PATH_LOCAL)
		return bpf_redirect_neigh(way.ifindex, NULL, 0, 0);
	answer = send_away(skb, &way, &side->key, false, now);
	if (answer != TCX_NEXT_PROGRAM)
		return answer;
	return punt_to_stack(skb, side->link, link_at_is_netkit(skb, side->link));
}

#endif
