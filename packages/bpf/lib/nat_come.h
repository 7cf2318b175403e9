/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * What was sent to a port of this host's own that leads to a pod: by a host port here, by a node port here or on another host.
 * Which packets those are is nat_return.h's.
 */
#ifndef MILLRACE_NAT_COME_H
#define MILLRACE_NAT_COME_H

#include "lib/nat_packet.h"
#include "lib/relay.h"

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
	work->entry.wire_port = 0;
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
	work->entry.wire_port = 0;
	return NAT_RELAYED;
}

#endif
