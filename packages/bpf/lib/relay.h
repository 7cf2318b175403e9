/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * What comes to a node port of this host: which backend it is for, and whether that is here or another host's. Who was given which is
 * remembered here. Packets are changed in nat_return.h and sent in wire.h.
 */
#ifndef MILLRACE_RELAY_H
#define MILLRACE_RELAY_H

#include "lib/service_flow.h"

/*
 * 32,768 x (40 + 28 + 72) = 4.6 MB. Full: who sent longest ago is given a backend anew, which is the same one as long as the service's
 * table is.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct translation_key);
	__type(value, struct relay);
} relays __weak SEC(".maps");

/* When there is no way to the one that was given, another backend will do: so many are looked at. */
#define NODE_PORT_PROBES 4

enum node_port_how {
	NODE_PORT_OPENS = 1, /* a connection: what one before it was given doesn't count */
	NODE_PORT_KNOWN = 2, /* only who was given a backend before */
	NODE_PORT_AGAIN = 4, /* the agent has put it back */
};

#define NODE_PORT_NONE 0 /* no service's */
#define NODE_PORT_HERE 1 /* to service_pick_now()->backend, which is here */
#define NODE_PORT_THERE 2 /* to that, by nat_work's `way.remote` */
#define NODE_PORT_ASK (-1) /* nobody has told this host what is at that port */
#define NODE_PORT_NO_WAY (-2) /* nor where its backend is */
#define NODE_PORT_EMPTY (-3) /* it has no backend, or none that is a pod */
#define NODE_PORT_LOST (-4) /* the agent has been asked for the way, too: there is none to that backend, nor to another */

static __always_inline bool relay_holds(const struct relay *relay, const struct flow_key *flow, __u32 how)
{
	__u32 number;

	if (!relay)
		return false;
	number = relay->backend;
	/* Datagrams go on to a backend for as long as it takes new ones, like any client's. What the agent has put back was chosen for before. */
	if (flow->proto == IPPROTO_UDP || how & NODE_PORT_AGAIN)
		return bpf_map_lookup_elem(&service_backends, &number);
	return !(how & NODE_PORT_OPENS);
}

static __always_inline int node_port_way(const struct service_pick *pick, struct nat_work *work)
{
	const struct route *route;

	if (bpf_map_lookup_elem(&locals, pick->backend.address))
		return NODE_PORT_HERE;
	route = route_to(pick->backend.address);
	if (!route || route->kind == PATH_HOST)
		return NODE_PORT_EMPTY;
	if (!route->remote)
		return NODE_PORT_NO_WAY;
	work->way.remote = route->remote;
	return NODE_PORT_THERE;
}

/* An entry may be another's by now; then its age is wrong for once. */
static __always_inline void relay_use(struct relay *relay)
{
	__u32 now_s = translation_now_s();

	if (relay->used_s != now_s)
		WRITE_ONCE(relay->used_s, now_s);
}

/* Of a pod here that has the flow: whether the packet is another backend's all the same. */
static __always_inline bool node_port_moves(const struct nat_work *work, const struct flow_key *flow, __u32 how)
{
	const struct relay *relay = bpf_map_lookup_elem(&relays, &work->at);

	return how & NODE_PORT_OPENS || (relay && !relay_holds(relay, flow, how));
}

/* Whether the packet is of a client that was given a backend, and goes there. */
static __always_inline bool node_port_is_held(const struct nat_work *work, const struct flow_key *flow, __u32 how)
{
	return relay_holds(bpf_map_lookup_elem(&relays, &work->at), flow, how);
}

/* Affinity is by the client's address alone: the table gives it the same backend each time, with nothing to remember. */
static __always_inline __u32 node_port_hash(const struct flow_key *flow, bool affine, __u32 probe)
{
	const __u64 *client = (const __u64 *)flow->daddr;

	if (!affine)
		return service_hash(flow, probe);
	return translation_mix((client[0] * 0x9e3779b97f4a7c15ull ^ client[1] * 0xbf58476d1ce4e5b9ull) + probe);
}

VERIFIED_ALONE int node_port_choose(const struct flow_key *flow, __u32 probe)
{
	struct service_pick *pick = service_pick_now();
	const struct service *service;

	if (!flow || !pick)
		return SERVICE_PASS;
	__builtin_memset(pick, 0, sizeof(*pick));
	node_port_address(pick->key.address, flow->family, flow->proto, flow->sport);
	pick->key.port = flow->sport;
	pick->key.proto = flow->proto;
	pick->any = true;
	service = bpf_map_lookup_elem(&services, &pick->key);
	pick->choice = node_port_hash(flow, service && service->affinity_seconds, probe);
	return service_at_node_port(pick);
}

/* The client stays with that backend, also while the agent learns the way to it. */
static __always_inline void relay_begin(const struct nat_work *work, const struct service_pick *pick)
{
	struct relay relay = { .port = pick->backend.port, .backend = pick->backend_number };

	__builtin_memcpy(relay.address, pick->backend.address, 16);
	relay.used_s = translation_now_s();
	bpf_map_update_elem(&relays, &work->at, &relay, BPF_ANY);
}

/* A connection that was chosen for a moment ago is sent again: its first packet is. */
#define RELAY_REPEATS_S 30

static __always_inline bool relay_is_repeated(const struct relay *relay, const struct service_pick *pick)
{
	return relay && relay->backend == pick->backend_number && translation_now_s() - relay->used_s < RELAY_REPEATS_S;
}

/*
 * `flow` as a pod with the host's address would see it; nat_work's `at` is its key. race: an entry of `relays` may be reused while it
 * is copied. Worst outcome: one packet goes to nobody.
 */
VERIFIED_ALONE int node_port_find(const struct flow_key *flow, __u32 how)
{
	struct nat_work *work = nat_work_now();
	struct service_pick *pick = service_pick_now();
	struct relay *relay;
	int answer = NODE_PORT_NONE;
	bool held;

	if (!flow || !work || !pick)
		return NODE_PORT_NONE;
	relay = bpf_map_lookup_elem(&relays, &work->at);
	held = relay_holds(relay, flow, how);
	if (held) {
		relay_use(relay);
		__builtin_memset(pick, 0, sizeof(*pick)); /* nothing is counted once more */
		__builtin_memcpy(pick->backend.address, relay->address, 16);
		pick->backend.port = relay->port;
		answer = node_port_way(pick, work);
		if (answer != NODE_PORT_NO_WAY || !(how & NODE_PORT_AGAIN))
			return answer;
		if (flow->proto == IPPROTO_TCP && !(how & NODE_PORT_OPENS))
			return NODE_PORT_LOST; /* another backend would reset it */
	}
	if (how & NODE_PORT_KNOWN)
		return NODE_PORT_NONE;
	for (__u32 probe = 0; probe < NODE_PORT_PROBES; probe++) {
		answer = node_port_choose(flow, probe);
		if (answer == SERVICE_UNKNOWN)
			return NODE_PORT_ASK;
		if (answer != SERVICE_TRANSLATE)
			return answer == SERVICE_PASS ? NODE_PORT_NONE : NODE_PORT_EMPTY;
		answer = node_port_way(pick, work);
		if (answer >= 0 || (answer == NODE_PORT_NO_WAY && !held))
			break;
	}
	if (held && answer == NODE_PORT_NO_WAY)
		return NODE_PORT_LOST;
	if (answer == NODE_PORT_EMPTY)
		return answer;
	pick->lasts = false;
	if (answer != NODE_PORT_HERE && !relay_is_repeated(relay, pick))
		service_opened(pick); /* of one here, when its flow begins */
	relay_begin(work, pick);
	return answer;
}

/* Of an IP packet that is to go through the tunnel. */
static __always_inline __u32 relay_mtu(struct __sk_buff *skb, __u32 uplink)
{
	__u32 bytes = 0;

	bpf_check_mtu(skb, uplink, &bytes, 0, 0);
	return bytes > FORWARD_TUNNEL_BYTES ? bytes - FORWARD_TUNNEL_BYTES : 0;
}

/* Whether one packet of it, as it is cut up on the way, is longer than the tunnel takes. */
VERIFIED_ALONE int relay_exceeds(struct __sk_buff *skb, const struct rewrite_place *place, __u32 uplink)
{
	__u32 bytes = skb->len, segment = skb->gso_size, headers;
	__u8 words = 0;

	if (!place)
		return 1;
	if (!segment)
		return bytes - place->ip_at > relay_mtu(skb, uplink);
	if (place->proto == IPPROTO_TCP)
		bpf_skb_load_bytes(skb, place->transport_at + 12, &words, 1);
	headers = place->transport_at - place->ip_at;
	headers += place->proto == IPPROTO_TCP ? (words >> 4) * 4 : sizeof(struct udphdr);
	return segment + headers > relay_mtu(skb, uplink);
}

/* TCP that is to be cut up yet is cut shorter; datagrams must not be. */
static __always_inline bool relay_may_shrink(struct __sk_buff *skb, const struct rewrite_place *place)
{
	return skb->gso_size && place->proto == IPPROTO_TCP;
}

static __always_inline bool relay_is_too_long(struct __sk_buff *skb, const struct rewrite_place *place, __u32 uplink)
{
	return !relay_may_shrink(skb, place) && relay_exceeds(skb, place, uplink);
}

static __always_inline bool relay_shrinks(struct __sk_buff *skb, const struct rewrite_place *place, __u32 uplink)
{
	return relay_may_shrink(skb, place) && relay_exceeds(skb, place, uplink);
}

#endif
