/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Masquerading, decided: which flows leave under the host's own address, and under which of its ports. A flow gets its
 * port with its first decision and keeps it; the entry in `translations` says whose the answers are. Packets are changed
 * in nat_packet.h.
 */
#ifndef MILLRACE_NAT_DECISION_H
#define MILLRACE_NAT_DECISION_H

#include "lib/count.h"
#include "lib/forwarding.h"
#include "lib/node_port.h"
#include "lib/rewrite.h"
#include "lib/translation.h"

/*
 * The first are spread over the range: with 4 of 5 ports towards one far end in use, one flow in a thousand finds none.
 * The last stand side by side, so that a range of no more than them is tried whole.
 */
#define NAT_PROBES_SPREAD 32
#define NAT_PROBES_BESIDE 8

/* What masquerading one packet takes: too large for the stack. Hooks run with softirqs off, so none is in the middle of another. */
struct nat_work {
	struct translation_key at;
	struct translation entry;
	struct flow_key flow;
	__u32 entry_check; /* of the entry's flow */
	struct rewrite end;
	struct rewrite_place place;
	struct rewrite_quote quote;
	struct way way; /* of the flow that is quoted */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct nat_work);
} nat_works __weak SEC(".maps");

/* As this packet's work has left it. */
static __always_inline struct nat_work *nat_work_now(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&nat_works, &zero);
}

static __always_inline struct nat_work *nat_work_begin(void)
{
	struct nat_work *work = nat_work_now();

	if (work)
		__builtin_memset(work, 0, sizeof(*work));
	return work;
}

/* Of the sender alone: so it has the same port towards every far end, as far as that is free there. */
static __always_inline __u64 nat_seed(const struct flow_key *key)
{
	const __u32 *words = (const __u32 *)key->saddr;
	__u64 high = (__u64)words[0] << 32 | words[1], low = (__u64)words[2] << 32 | words[3];

	return high * 0x9e3779b97f4a7c15ull + low * 0xbf58476d1ce4e5b9ull + ((__u32)key->sport << 8 | key->proto);
}

static __always_inline __u16 nat_candidate(const struct forwarding *now, __u64 seed, __u32 probe)
{
	__u32 size = now->nat_last - now->nat_first + 1;
	__u32 spread = probe < NAT_PROBES_SPREAD ? probe : 0;
	__u32 beside = probe - spread;
	__u32 start = (__u64)translation_mix(seed + spread) * size >> 32;

	return now->nat_first + (start + beside) % size;
}

/* true: the port is the flow's, now or already: two CPUs that open one flow try the same ports in the same order. */
static __always_inline bool translation_claim(struct nat_work *work)
{
	struct translation *other;

	work->entry.check = translation_check(&work->at, &work->entry.flow);
	if (bpf_map_update_elem(&translations, &work->at, &work->entry, BPF_NOEXIST) == 0)
		return true;
	other = bpf_map_lookup_elem(&translations, &work->at);
	return other && translation_claim_again(other, &work->entry);
}

/* `flow` is the table's; where it goes stands in `path`, and the port that it has already, which is tried first. */
VERIFIED_ALONE int nat_claim_port(struct flow_path *path, const struct flow_key *flow)
{
	const struct forwarding *now = forwarding_now();
	struct nat_work *work = nat_work_begin();
	__u64 seed;

	if (!path || !flow || !now || !work)
		return -1;
	seed = nat_seed(flow);
	work->entry.flow = *flow;
	work->entry.claimed_s = translation_now_s();
	flow_key_on_wire(&work->flow, flow, path);
	work->entry.wire_port = path->wire_port;
	translation_key_of(&work->at, &work->flow, path->nat_address, path->nat_port);
	if (path->nat_port && translation_claim(work))
		return 0;
	if (!now->nat_first)
		return -1;
	for (__u32 probe = 0; probe < NAT_PROBES_SPREAD + NAT_PROBES_BESIDE; probe++) {
		work->at.port = bpf_htons(nat_candidate(now, seed, probe));
		if (translation_claim(work)) {
			path->nat_port = work->at.port;
			return 0;
		}
	}
	return -1;
}

/* This host's address for the flow's family; false when it has none there. */
static __always_inline bool nat_take_address(__u8 to[16], const struct forwarding *now, __u8 family)
{
	const __u64 *words = (const __u64 *)to;

	if (family == 4) {
		address_from_ip4(to, now->nat_address4);
		return now->nat_address4 != 0;
	}
	__builtin_memcpy(to, now->nat_address6, 16);
	return words[0] || words[1];
}

static __always_inline bool nat_has_port(const struct flow_key *key)
{
	if (key->proto == IPPROTO_TCP || key->proto == IPPROTO_UDP)
		return key->sport != 0;
	return true; /* an identifier of an echo may be 0 */
}

/* Only what leaves by the uplink: other devices have other addresses, which the host's stack knows. */
VERIFIED_ALONE int nat_leaves_by_uplink(struct __sk_buff *skb, const struct flow_key *key)
{
	const struct forwarding *now = forwarding_now();
	struct bpf_fib_lookup way = {};
	long result;

	if (!key || !now)
		return 0;
	way.ifindex = skb->ifindex;
	way.l4_protocol = key->proto;
	if (key->family == 4) {
		way.family = AF_INET;
		__builtin_memcpy(&way.ipv4_src, key->saddr + 12, 4);
		__builtin_memcpy(&way.ipv4_dst, key->daddr + 12, 4);
	} else {
		way.family = AF_INET6;
		__builtin_memcpy(way.ipv6_src, key->saddr, 16);
		__builtin_memcpy(way.ipv6_dst, key->daddr, 16);
	}
	/* since: 6.3 (31de4105f00d, "bpf: Add BPF_FIB_LOOKUP_SKIP_NEIGH for bpf_fib_lookup") */
	result = bpf_fib_lookup(skb, &way, sizeof(way), BPF_FIB_LOOKUP_SKIP_NEIGH);
	return (result == BPF_FIB_LKUP_RET_SUCCESS || result == BPF_FIB_LKUP_RET_FRAG_NEEDED) &&
	       way.ifindex == now->uplink;
}

/* Whose far end knows the flow by its own address, or has answered it so: another one would break it. */
static __always_inline bool nat_is_settled_without(const struct flow_record *record)
{
	return record->opener == FLOW_OPENER_REMOTE ||
	       (record->path.kind == PATH_HOST && record->counters[FLOW_INGRESS].packets > 0);
}

static __always_inline bool nat_has_flag(const __u8 address[16], enum route_flag flag)
{
	const struct route *route = route_to(address);

	return route && route->flags & flag;
}

/* false: nothing that a port of the host's can stand for; whoever sends it on, it isn't us. */
static __always_inline bool nat_can(struct __sk_buff *skb, struct flow_path *path, const struct flow_key *key,
				    const struct forwarding *now)
{
	bool echo = proto_is_icmp(key->proto) && !key->dport;

	return (key->proto == IPPROTO_TCP || key->proto == IPPROTO_UDP || echo) && !key->vlan &&
	       nat_take_address(path->nat_address, now, key->family) && nat_leaves_by_uplink(skb, key);
}

static __always_inline void nat_take(struct __sk_buff *skb, struct flow_path *path, const struct flow_key *key,
				     const struct flow_key *wire, const struct flow_record *record,
				     const struct forwarding *now)
{
	if (flow_is_icmp_error(key))
		return; /* goes as what it quotes went: nat_packet.h */
	if (!nat_can(skb, path, wire, now)) {
		__builtin_memset(path->nat_address, 0, 16);
		count(OBSERVER_NOT_MASQUERADED);
		return;
	}
	if (!nat_has_port(key))
		path_refuse(path, PATH_REASON_UNTRANSLATABLE);
	else if (!record || !flow_is_live(record, key) || nat_claim_port(path, key))
		path_refuse(path, PATH_REASON_NO_PORT);
	else
		path->kind = PATH_MASQUERADE;
	path->ifindex = now->uplink;
}

/*
 * The port that the flow has already. race: an entry that is being taken out may be another flow's while it is read; then
 * it isn't live either, and the packet finds no port.
 */
static __always_inline bool nat_keep(struct flow_path *path, const struct flow_key *key,
				     const struct flow_record *record)
{
	__be16 port = READ_ONCE(record->path.nat_port);

	if (!port)
		return false;
	__builtin_memcpy(path->nat_address, record->path.nat_address, 16);
	if (READ_ONCE(record->tuple_check) != flow_tuple_check(key))
		return false;
	path->nat_port = port;
	return true;
}

/* By what is claimed now; nat_work's flow is the flow beyond its endpoint's link. verifier: a frame of its own. */
VERIFIED_ALONE int nat_holds_port(const struct flow_path *path, const struct flow_key *key)
{
	struct nat_work *work = nat_work_now();

	if (!path || !key || !work)
		return 0;
	translation_key_of(&work->at, &work->flow, path->nat_address, path->nat_port);
	return translation_find(&work->entry, &work->at) && flow_key_equals(&work->entry.flow, key);
}

/*
 * Towards another backend the flow's port must be claimed as towards any far end, and may be another's there. A flow that is being
 * retired has no more use for one. What is received claims nothing, and may have come to the endpoint's own address: where nothing is
 * claimed, what the endpoint sends next is decided anew.
 */
static __always_inline void nat_go_on(struct flow_path *path, const struct flow_key *key,
				      const struct flow_record *record, __u32 direction, const struct forwarding *now)
{
	path->ifindex = now->uplink;
	if (direction == FLOW_EGRESS && flow_is_live(record, key) && nat_claim_port(path, key)) {
		path_refuse(path, PATH_REASON_NO_PORT);
		return;
	}
	path->kind = PATH_MASQUERADE;
	if (direction == FLOW_INGRESS && !nat_holds_port(path, key))
		path->generation = 0;
}

/* It came to a node port of another host, by way of which its answers go, wherever the client is: it knows them from there alone. */
static __always_inline bool nat_is_of_other_host(const struct flow_record *record)
{
	return node_port_is(READ_ONCE(record->path.nat_port)) && !record->path.nat_dst_port &&
	       nat_has_flag(record->path.nat_address, ROUTE_OUTSIDE);
}

static __noinline int nat_go_back(struct flow_path *path, const struct forwarding *now)
{
	__u8 address[16]; /* verifier: before 6.2 a key must be on the stack */
	const __u32 *remote;

	if (!path || !now)
		return 0;
	address_copy(address, path->nat_address);
	remote = bpf_map_lookup_elem(&hosts, address);
	if (!remote) {
		path_refuse(path, PATH_REASON_UNRESOLVED); /* until the agent knows that host again */
		return 0;
	}
	path->kind = PATH_OVERLAY;
	path->remote = *remote;
	path->ifindex = now->uplink;
	return 0;
}

/*
 * After path_decide: whether what it gave to the host's stack is ours to send, masqueraded. `record` is the flow's, NULL
 * when there is no room for one. A flow that has a port keeps it under whatever generation and wherever it goes, also while
 * it is being retired; but for the sake of another backend.
 */
VERIFIED_ALONE int nat_decide(struct __sk_buff *skb, struct flow_path *path, const struct flow_key *key,
			      const struct flow_record *record, __u32 direction)
{
	const struct forwarding *now = forwarding_now();
	struct nat_work *work = nat_work_begin();

	if (!path || !key || !now || !work || path->verdict == VERDICT_DROP || path->verdict == VERDICT_PUNT)
		return 0;
	if (record && nat_is_of_other_host(record) && nat_keep(path, key, record)) {
		nat_go_back(path, now);
		return 0;
	}
	if (path->kind == PATH_DIRECT || path->kind == PATH_OVERLAY) {
		if (record)
			nat_keep(path, key, record);
		return 0;
	}
	if (path->kind != PATH_HOST)
		return 0;
	flow_key_on_wire(&work->flow, key, path);
	if (!nat_has_flag(work->flow.daddr, ROUTE_OUTSIDE))
		return 0;
	if (record && nat_keep(path, key, record)) {
		nat_go_on(path, key, record, direction, now);
		return 0;
	}
	if (direction != FLOW_EGRESS || !now->nat_first || (record && nat_is_settled_without(record)) ||
	    !nat_has_flag(key->saddr, ROUTE_MASQUERADED))
		return 0;
	nat_take(skb, path, key, &work->flow, record, now);
	return 0;
}

#endif
