/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * What comes by the uplink: a tunnel's packet is recognised, a pod's packet given to its pod, and what came to a node port for
 * another host's pod sent on there, or back from there. What the agent puts back for a pod's link is punted.h's.
 */
#ifndef MILLRACE_WIRE_H
#define MILLRACE_WIRE_H

#include "lib/deliver.h"
#include "lib/nat_return.h"
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
							 const struct packet *packet, const struct forwarding *now)
{
	return is_plain ? local_of(plain->flow.key.saddr, now) : local_of(packet->key.daddr, now);
}

/* All that the host receives passes here: most of it is told by its port. */
static __always_inline int wire_return_plain(struct __sk_buff *skb, struct plain_packet *plain, __u32 how,
					     const struct forwarding *now)
{
	return nat_may_return(now, plain->flow.key.sport) ? nat_return_plain(skb, plain, how) : NAT_NOT_OURS;
}

/* What nat_return made another host's pod's: there through the tunnel, in either mode, since only the tunnel says to which port it came. */
VERIFIED_ALONE int wire_relay(struct __sk_buff *skb, __u32 family)
{
	const struct forwarding *now = forwarding_now();
	struct nat_work *work = nat_work_now();
	struct tunnel_way tunnel = {};
	const struct remote *remote;

	remote = work ? bpf_map_lookup_elem(&remotes, &work->way.remote) : NULL;
	if (!now || !remote || !remote->address4 || !now->tunnel_port)
		return drop_of_endpoint(skb, 0, FLOW_INGRESS, PATH_REASON_NO_ROUTE);
	if (rewrite_hop(skb, &work->place) <= 0)
		return drop_of_endpoint(skb, 0, FLOW_INGRESS, PATH_REASON_UNTRANSLATABLE);
	tunnel.from = now->tunnel_address;
	tunnel.to = remote->address4;
	tunnel.port = now->tunnel_port;
	tunnel.came_to = work->at.port;
	tunnel.ip6 = family == 6;
	tunnel.shrinks = relay_shrinks(skb, &work->place, now->uplink);
	tunnel.source_port = TUNNEL_PORT_BASE | (bpf_get_hash_recalc(skb) & TUNNEL_PORT_MASK);
	if (tunnel_put_on(skb, &tunnel, ETH_HEADER_BYTES))
		return drop_of_endpoint(skb, 0, FLOW_INGRESS, PATH_REASON_ENCAPSULATION);
	count(OBSERVER_RELAYED);
	return send_by_uplink(remote, now->uplink, false);
}

/* Of a packet that another host's pod sends from this host's own address: its flow, as it is told of in `relays`. */
static __always_inline int wire_relayed_flow(struct __sk_buff *skb, struct nat_work *work, struct packet *packet)
{
	nat_place_parsed(&work->place, packet);
	work->flow = packet->key;
	if (packet->fragment_offset || !flow_is_icmp_error(&packet->key)) {
		packet_match_fragment(packet);
		work->flow = packet->key;
		return 0;
	}
	if (quote_read(skb, &work->place, &work->quote))
		return -1;
	flow_reverse(&work->flow, &work->quote.key);
	return 0;
}

/* To a client that was sent on; one that was forgotten is known by the port still. */
static __always_inline bool wire_is_relayed(const struct nat_work *work)
{
	struct service_key key = { .port = work->flow.sport, .proto = work->flow.proto };
	struct relay *relay = bpf_map_lookup_elem(&relays, &work->at);

	if (relay) {
		relay_use(relay);
		return true;
	}
	node_port_address(key.address, work->flow.family, work->flow.proto, work->flow.sport);
	return bpf_map_lookup_elem(&services, &key);
}

/* The client may be a pod of another host, of a pool that the underlay routes; else the host's stack knows the way. */
static __always_inline int wire_send_back(const __u8 client[16], bool ip6, const struct forwarding *now)
{
	const struct route *route = route_to(client);
	const struct remote *remote = NULL;
	__u32 index;

	if (route && route->kind == PATH_DIRECT) {
		index = route->remote;
		remote = bpf_map_lookup_elem(&remotes, &index);
	}
	return remote ? send_by_uplink(remote, now->uplink, ip6) : bpf_redirect_neigh(now->uplink, NULL, 0, 0);
}

/* To who came to a node port here, from the pod of another host that it was sent on to; as this host sends it. `plain`: NULL if it isn't. */
VERIFIED_ALONE int wire_relay_back(struct __sk_buff *skb, const struct plain_packet *plain, struct packet *packet)
{
	const struct forwarding *now = forwarding_now();
	struct nat_work *work = nat_work_begin();

	if (!now || !work)
		return TCX_NEXT_PROGRAM;
	if (plain) {
		flow_reverse(&work->flow, &plain->flow.key);
		nat_place_plain(&work->place, &plain->flow.key);
	} else if (!packet || wire_relayed_flow(skb, work, packet)) {
		return TCX_NEXT_PROGRAM;
	}
	translation_key_of(&work->at, &work->flow, work->flow.saddr, work->flow.sport);
	if (!node_port_may_be(work->flow.saddr, work->flow.sport, work->flow.proto, now))
		return TCX_NEXT_PROGRAM;
	if (!wire_is_relayed(work))
		return drop_of_endpoint(skb, 0, FLOW_INGRESS, PATH_REASON_NO_ROUTE);
	if (rewrite_hop(skb, &work->place) <= 0)
		return drop_of_endpoint(skb, 0, FLOW_INGRESS, PATH_REASON_UNTRANSLATABLE);
	count(OBSERVER_RELAYED_BACK);
	return wire_send_back(work->flow.daddr, work->flow.family == 6, now);
}

/* What came to a node port and can't be served becomes the answer to itself. `mtu`: it is longer than that; 0: nobody serves there. */
static __noinline int wire_refuse(struct __sk_buff *skb, struct packet *packet, bool is_plain, __u32 mtu)
{
	const struct forwarding *now = forwarding_now();
	struct own_drop *own = own_drop_now();

	if (!packet || !now || !own)
		return TCX_DROP_PACKET;
	drop_of_endpoint(skb, 0, FLOW_INGRESS, mtu ? PATH_REASON_TOO_LONG : PATH_REASON_NO_BACKEND);
	if ((is_plain && wire_parse(skb, packet) < 0) || refusal_write(skb, packet, mtu))
		return TCX_DROP_PACKET;
	own->skb = 0; /* it goes on */
	return wire_send_back(packet->key.saddr, packet->key.family == 6, now);
}

/* Of what came to a node port and isn't a pod's here. */
static __always_inline int wire_at_node_port(struct __sk_buff *skb, int result, struct packet *packet, bool is_plain, __u32 family,
					     bool again, const struct forwarding *now)
{
	if (result == NAT_RELAYED)
		return wire_relay(skb, family);
	if (result == NAT_EMPTY)
		return wire_refuse(skb, packet, is_plain, 0);
	if (result == NAT_TOO_LONG)
		return wire_refuse(skb, packet, is_plain, relay_mtu(skb, now->uplink));
	if (result == NAT_ASK && again)
		return TCX_NEXT_PROGRAM; /* as far as anybody can tell, the host's own */
	if (result != NAT_LOST && punt_is_there(skb, now))
		return bpf_redirect(now->punt, 0);
	return result == NAT_ASK ? TCX_NEXT_PROGRAM : drop_of_endpoint(skb, 0, FLOW_INGRESS, PATH_REASON_UNRESOLVED);
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
	__u32 family, how;
	int result;
	bool is_plain = plain_parse(&plain, skb, 0, FLOW_INGRESS);

	if (!packet || (!is_plain && wire_parse(skb, packet) < 0))
		return TCX_NEXT_PROGRAM;
	family = is_plain ? plain.flow.key.family : packet->key.family;
	here = wire_receiver(&plain, is_plain, packet, now);
	if (!here && !tunnelled && (now->nat_first || now->host_ports)) {
		how = delivery->again ? NODE_PORT_AGAIN : 0;
		result = is_plain ? wire_return_plain(skb, &plain, how, now) : nat_return_any(skb, packet, how);
		if (result == NAT_BROKEN)
			return TCX_DROP_PACKET;
		if (result >= NAT_RELAYED)
			return wire_at_node_port(skb, result, packet, is_plain, family, delivery->again, now);
		if (nat_is_found(result))
			here = wire_receiver(&plain, is_plain, packet, now);
		if (result == NAT_CAME)
			nat_tell_port(&delivery->told);
	}
	if (!here && tunnelled && now->host_ports & FORWARD_NODE_PORTS)
		return wire_relay_back(skb, is_plain ? &plain : NULL, packet);
	if (!here)
		return TCX_NEXT_PROGRAM;
	endpoint = delivery_to(delivery, skb, here->ifindex, here->endpoint_id);
	if (!endpoint)
		return drop_of_endpoint(skb, here->endpoint_id, FLOW_INGRESS, PATH_REASON_ENDPOINT_GONE);
	counters_of_packet(&add, skb, kernel_device(skb), FLOW_INGRESS);
	plain.flow.words[5] = here->endpoint_id;
	return deliver(skb, endpoint, &plain, is_plain, &add, delivery, &delivery->told, now);
}

/* What is inside came to a port of the sending host's: which of its addresses is known when it is known who that is. */
static __always_inline bool wire_tells_port(__be32 flags, struct told *told)
{
	struct port_asked *asked = port_asked();

	if (!asked || (flags & ~VXLAN_PORT_MASK) != (VXLAN_HAS_IDENTITY | VXLAN_CAME_TO_PORT))
		return false;
	asked->port = bpf_htons(bpf_ntohl(flags & VXLAN_PORT_MASK));
	told->to_port = true;
	return true;
}

static __always_inline bool wire_take_port(__be32 from, __u32 remote, bool ip6)
{
	const struct remote *host = bpf_map_lookup_elem(&remotes, &remote);
	struct port_asked *asked = port_asked();

	if (!asked || !host)
		return false;
	if (ip6)
		__builtin_memcpy(asked->address, host->address6, 16);
	else
		address_from_ip4(asked->address, from);
	return true;
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
	return headers->vxlan.flags == VXLAN_HAS_IDENTITY || wire_tells_port(headers->vxlan.flags, told);
}

#define WIRE_AS_IT_CAME 0
#define WIRE_UNWRAPPED 1 /* a tunnel's outer headers are off, and `told` says who sent it */
/* Above 1: what becomes of the packet. */

/* `again`: the agent has put it back. */
static __noinline int wire_unwrap(struct __sk_buff *skb, struct told *told, bool again)
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
		if (!again && punt_is_there(skb, now))
			return bpf_redirect(now->punt, 0); /* the agent asks whether that host may speak for the sender */
		return drop_own(skb, &nobody, FLOW_INGRESS, PATH_REASON_UNKNOWN_TUNNEL);
	}
	told->remote = *remote;
	if (told->to_port && !wire_take_port(from, told->remote, ip6))
		return drop_own(skb, &nobody, FLOW_INGRESS, PATH_REASON_NO_ROUTE);
	if (tunnel_take_off(skb, ip6))
		return drop_own(skb, &nobody, FLOW_INGRESS, PATH_REASON_ENCAPSULATION);
	return WIRE_UNWRAPPED;
}

#endif
