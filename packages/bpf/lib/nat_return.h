/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * What comes to this host's own address and is a pod's: answers to masqueraded flows, what is sent to a host port, and what is
 * sent to a node port, whose pod may be another host's. What isn't known here is the host's own, and stays as it is.
 */
#ifndef MILLRACE_NAT_RETURN_H
#define MILLRACE_NAT_RETURN_H

#include "lib/nat_packet.h"
#include "lib/relay.h"

static __always_inline bool nat_is_in_range(const struct forwarding *now, __be16 port)
{
	__u16 number = bpf_ntohs(port);

	return now->nat_first && number >= now->nat_first && number <= now->nat_last;
}

#define NAT_NOT_OURS 0 /* untouched */
#define NAT_RETURNED 1 /* a pod's now, which spoke first */
#define NAT_CAME 2     /* a pod's now, by a port of this host's that leads to it: nat_tell_port */
#define NAT_BROKEN 3   /* neither: counted, and to be dropped */
#define NAT_RELAYED 4  /* of a node port, another host's pod's now: by nat_work's `way.remote` */
/* Of a node port, and untouched: */
#define NAT_ASK 5      /* nobody has told this host what is there */
#define NAT_NO_WAY 6   /* nor where the backend is */
#define NAT_EMPTY 7    /* it has no backend */
#define NAT_TOO_LONG 8 /* to be relayed, and the tunnel doesn't take it */
#define NAT_LOST 9     /* there is no way */

/* With enum node_port_how: how a packet may be the first of its flow. */
#define NAT_MAY_OPEN 8

static __always_inline int nat_broken(struct __sk_buff *skb, const struct nat_work *work, __u32 reason)
{
	drop_own(skb, &work->entry.flow, FLOW_INGRESS, reason);
	return NAT_BROKEN;
}

/* For whom something may have come to this host's own port. */
static __always_inline bool nat_may_return(const struct forwarding *now, __be16 port)
{
	return now->host_ports & FORWARD_HOST_PORTS || nat_is_in_range(now, port) ||
	       (now->host_ports & FORWARD_NODE_PORTS && node_port_is(port));
}

static __always_inline bool nat_is_here(const struct flow_key *flow)
{
	const struct local *here = bpf_map_lookup_elem(&locals, flow->saddr);

	return here && here->endpoint_id == flow->endpoint_id;
}

/*
 * The answers to a flow that comes to a host port leave from there. The claim of a pod that is gone is anybody's, and so is a node
 * port's that `moves` to another backend.
 */
static __always_inline bool nat_claim_host_port(struct nat_work *work, bool moves)
{
	const struct translation *other;

	if (translation_claim(work))
		return true;
	other = bpf_map_lookup_elem(&translations, &work->at);
	return other && (moves || !nat_is_here(&other->flow)) &&
	       bpf_map_update_elem(&translations, &work->at, &work->entry, BPF_ANY) == 0;
}

/*
 * `leads` is where the port leads to that `flow` came to; `pick`: by a service, or NULL. NOT_OURS: that pod is gone. Claimed once the
 * pod has a flow for it, of which it may have only so many: nobody outside fills the table for the others.
 */
static __always_inline int nat_come(struct __sk_buff *skb, struct nat_work *work, const struct flow_key *flow,
				    const struct service_backend *leads, struct service_pick *pick, __u32 how)
{
	const struct local *here = bpf_map_lookup_elem(&locals, leads->address);

	if (!here)
		return NAT_NOT_OURS;
	work->entry.flow = *flow;
	__builtin_memcpy(work->entry.flow.saddr, leads->address, 16);
	work->entry.flow.sport = leads->port;
	work->entry.flow.endpoint_id = here->endpoint_id;
	work->entry.claimed_s = translation_now_s();
	if (bpf_map_lookup_elem(&flows, &work->entry.flow))
		return nat_claim_host_port(work, pick != NULL) ? NAT_CAME : nat_broken(skb, work, PATH_REASON_NO_PORT);
	if (!(how & NAT_MAY_OPEN))
		return NAT_NOT_OURS;
	if (pick) {
		pick->lasts = false;
		service_opened(pick);
	}
	return NAT_CAME;
}

enum node_port_client {
	CLIENT_OUTSIDE, /* or a pod of a pool that the underlay routes */
	CLIENT_UNKNOWN, /* of a pool: whether that is so is the agent's to learn */
	CLIENT_SPOOFED, /* a pod's whose packets come through tunnels alone, or of this host: whoever sends it from outside isn't that pod */
};

VERIFIED_ALONE int node_port_client(const struct flow_key *flow)
{
	const struct route *route;
	__u8 address[16]; /* verifier: before 6.2 a key must be on the stack */

	if (!flow)
		return CLIENT_SPOOFED;
	address_copy(address, flow->daddr);
	route = route_to(address);
	if (bpf_map_lookup_elem(&locals, address) || (route && route->kind == PATH_OVERLAY))
		return CLIENT_SPOOFED;
	return route && route->kind == PATH_PUNT ? CLIENT_UNKNOWN : CLIENT_OUTSIDE;
}

#define OWN_NETNS ((__u64)-1) /* BPF_F_CURRENT_NETNS: not among the types of kernels before 6.2 */

/* Where a socket of the host's own waits, or is connected, a port is its. */
VERIFIED_ALONE int node_port_has_socket(struct __sk_buff *skb, const struct flow_key *flow)
{
	struct bpf_sock_tuple tuple = {};
	__u32 bytes = flow && flow->family == 6 ? sizeof(tuple.ipv6) : sizeof(tuple.ipv4);
	struct bpf_sock *socket;

	if (!flow)
		return 0;
	if (flow->family == 6) {
		__builtin_memcpy(tuple.ipv6.saddr, flow->daddr, 16);
		__builtin_memcpy(tuple.ipv6.daddr, flow->saddr, 16);
		tuple.ipv6.sport = flow->dport;
		tuple.ipv6.dport = flow->sport;
	} else {
		__builtin_memcpy(&tuple.ipv4.saddr, flow->daddr + 12, 4);
		__builtin_memcpy(&tuple.ipv4.daddr, flow->saddr + 12, 4);
		tuple.ipv4.sport = flow->dport;
		tuple.ipv4.dport = flow->sport;
	}
	if (flow->proto == IPPROTO_TCP)
		socket = bpf_skc_lookup_tcp(skb, &tuple, bytes, OWN_NETNS, 0);
	else
		socket = bpf_sk_lookup_udp(skb, &tuple, bytes, OWN_NETNS, 0);
	if (!socket)
		return 0;
	bpf_sk_release(socket);
	return 1;
}

static __always_inline int nat_come_to_node(struct __sk_buff *skb, struct nat_work *work, const struct flow_key *flow, __u32 how)
{
	struct service_pick *pick = service_pick_now();
	bool known = how & NODE_PORT_KNOWN || node_port_is_held(work, flow, how);
	int client = known ? CLIENT_OUTSIDE : node_port_client(flow), found;

	if (!known && node_port_has_socket(skb, flow))
		return NAT_NOT_OURS;
	if (client == CLIENT_SPOOFED)
		return nat_broken(skb, work, PATH_REASON_SPOOFED);
	found = node_port_find(flow, how);
	if (found == NODE_PORT_ASK)
		return NAT_ASK;
	if (found == NODE_PORT_LOST)
		return NAT_LOST;
	if (found != NODE_PORT_NONE && client == CLIENT_UNKNOWN)
		return how & NODE_PORT_AGAIN ? NAT_LOST : NAT_NO_WAY;
	if (found == NODE_PORT_NO_WAY)
		return NAT_NO_WAY;
	if (found == NODE_PORT_EMPTY)
		return NAT_EMPTY;
	if (found == NODE_PORT_NONE || !pick)
		return NAT_NOT_OURS;
	if (found == NODE_PORT_HERE)
		return nat_come(skb, work, flow, &pick->backend, pick, how);
	__builtin_memcpy(work->entry.flow.saddr, pick->backend.address, 16);
	work->entry.flow.sport = pick->backend.port;
	return NAT_RELAYED;
}

static __always_inline bool nat_is_of_host_port(const struct flow_key *flow, const struct service_backend *leads)
{
	return flow->sport == leads->port && address_equals(flow->saddr, leads->address);
}

/* Whose a packet is that came to this host's own address; `flow` is as a pod with that address would see it, untagged. */
static __always_inline int nat_find_owner(struct __sk_buff *skb, struct nat_work *work, const struct flow_key *flow, __u32 how)
{
	const struct forwarding *now = forwarding_now();
	const struct service_backend *leads = NULL;
	int result = NAT_RETURNED;
	bool node;

	if (!now)
		return NAT_NOT_OURS;
	if (now->host_ports & FORWARD_HOST_PORTS)
		leads = host_port_at(flow->saddr, flow->sport, flow->proto);
	node = !leads && node_port_may_be(flow->saddr, flow->sport, flow->proto, now);
	if (!leads && !node && !nat_is_in_range(now, flow->sport))
		return NAT_NOT_OURS;
	translation_key_of(&work->at, flow, flow->saddr, flow->sport);
	if (translation_find(&work->entry, &work->at) && nat_is_here(&work->entry.flow) &&
	    !(node && node_port_moves(work, flow, how))) {
		if (node || (leads && nat_is_of_host_port(&work->entry.flow, leads)))
			result = NAT_CAME;
	} else if (node) {
		result = nat_come_to_node(skb, work, flow, how);
	} else {
		result = leads ? nat_come(skb, work, flow, leads, NULL, how) : NAT_NOT_OURS;
	}
	nat_end(&work->end, flow->saddr, flow->sport, work->entry.flow.saddr, work->entry.flow.sport);
	return result;
}

static __always_inline bool nat_is_found(int result)
{
	return result == NAT_RETURNED || result == NAT_CAME || result == NAT_RELAYED;
}

static __always_inline bool nat_is_too_long(struct __sk_buff *skb, const struct rewrite_place *place)
{
	const struct forwarding *now = forwarding_now();

	return !now || relay_is_too_long(skb, place, now->uplink);
}

static __always_inline __u32 nat_how(__u8 tcp_flags)
{
	bool opens = (tcp_flags & (TCP_FLAG_BYTE_SYN | TCP_FLAG_BYTE_ACK)) == TCP_FLAG_BYTE_SYN;

	return NAT_MAY_OPEN | (opens ? NODE_PORT_OPENS : 0);
}

/* After NAT_CAME: to which port, for the receiver's side. */
static __always_inline void nat_tell_port(struct told *told)
{
	const struct nat_work *work = nat_work_now();
	struct port_asked *asked = port_asked();

	if (!work || !asked)
		return;
	told->to_port = true;
	asked->port = work->at.port;
	__builtin_memcpy(asked->address, work->at.address, 16);
}

/* An answer from the outside, made its pod's; `plain` follows. `how`: NODE_PORT_AGAIN or nothing. */
VERIFIED_ALONE int nat_return_plain(struct __sk_buff *skb, struct plain_packet *plain, __u32 how)
{
	struct nat_work *work = nat_work_begin();
	int result;

	if (!plain || !work)
		return NAT_NOT_OURS;
	result = nat_find_owner(skb, work, &plain->flow.key, how | nat_how(plain->tcp_flags));
	if (!nat_is_found(result))
		return result;
	nat_place_plain(&work->place, &plain->flow.key);
	if (result == NAT_RELAYED && nat_is_too_long(skb, &work->place))
		return NAT_TOO_LONG;
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
	int result;

	nat_place_parsed(&work->place, packet);
	if (quote_read(skb, &work->place, &work->quote))
		return NAT_NOT_OURS;
	result = nat_find_owner(skb, work, &work->quote.key, NODE_PORT_KNOWN);
	if (!nat_is_found(result))
		return NAT_NOT_OURS;
	work->end.source = true;
	if (nat_rewrite_error(skb, work))
		return nat_broken(skb, work, PATH_REASON_UNTRANSLATABLE);
	return result == NAT_RELAYED ? NAT_RELAYED : NAT_RETURNED;
}

/* An answer that isn't plain: an echo's, or one with options or in pieces. Later pieces go by what their first one was. */
static __always_inline int nat_return_parsed(struct __sk_buff *skb, struct packet *packet, struct nat_work *work, __u32 how)
{
	int result;

	if (packet->fragment_offset)
		fragment_recall(packet);
	else if (proto_is_icmp(packet->key.proto) && !packet->icmp_echo_reply)
		return NAT_NOT_OURS;
	flow_reverse(&work->flow, &packet->key);
	result = nat_find_owner(skb, work, &work->flow, how | nat_how(packet->tcp_flags));
	if (!nat_is_found(result))
		return result;
	if (packet->fragment_first)
		fragment_remember(packet);
	nat_place_parsed(&work->place, packet);
	if (result == NAT_RELAYED && nat_is_too_long(skb, &work->place))
		return NAT_TOO_LONG;
	if (rewrite_end(skb, &work->place, &work->end))
		return nat_broken(skb, work, PATH_REASON_UNTRANSLATABLE);
	return result;
}

/* For what plain_parse left alone. `packet` follows; `how` as above. */
VERIFIED_ALONE int nat_return_any(struct __sk_buff *skb, struct packet *packet, __u32 how)
{
	struct nat_work *work = nat_work_begin();
	int result;

	if (!packet || !work || packet->key.vlan)
		return NAT_NOT_OURS; /* a tag's network is another device's */
	if (!packet->fragment_offset && flow_is_icmp_error(&packet->key))
		result = nat_return_error(skb, packet, work);
	else
		result = nat_return_parsed(skb, packet, work, how);
	if (nat_is_found(result))
		__builtin_memcpy(packet->key.daddr, work->entry.flow.saddr, 16);
	return result;
}

#endif
