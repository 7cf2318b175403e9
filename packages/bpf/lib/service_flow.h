/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Which backend a flow's packets go to that names a virtual address: of a socket that wasn't given one when it connected,
 * or of no socket. Chosen with the flow's first packet and kept in its path; the entry in `translations` says whose the
 * backend's answers are. Packets are changed in service_packet.h.
 */
#ifndef MILLRACE_SERVICE_FLOW_H
#define MILLRACE_SERVICE_FLOW_H

#include "lib/nat.h"
#include "lib/service.h"

/* A backend that won't do, since it is the sender or answers the sender's port already, is passed over so often. */
#define SERVICE_PROBES 16

/* Ports beyond the link that are tried: the flow's own, then of those that Linux gives clients too (ip_local_port_range). */
#define WIRE_PORT_PROBES 16
#define WIRE_PORT_FIRST 32768
#define WIRE_PORT_COUNT 28232

/* What a choice takes: too large for the stack. Hooks run with softirqs off, so none is in the middle of another. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct service_pick);
} service_picks __weak SEC(".maps");

/* Where a flow goes. */
struct flow_target {
	struct flow_key wire; /* as it is beyond its endpoint's link, but for its port */
	__u32 backend;        /* its number; 0: it goes to whom it names */
	__be16 port;          /* from which it comes there; 0: its own */
	__u16 _pad0;
};

enum service_how {
	SERVICE_MAY_CHOOSE = 1, /* the packet is the endpoint's own */
	SERVICE_ANEW = 2,       /* what was kept is another connection's */
};

#define SERVICE_AIMED 0  /* the target says where */
#define SERVICE_CHOOSE (-2) /* service_aim's to say: verifier: one of the two at a time is on the stack */
#define SERVICE_ASK (-1) /* nobody has told this host what is at that address */
#define SERVICE_EVADE (-3) /* service_evade's to say */
/* Above 0: an enum path_reason. */

static __always_inline void target_none(struct flow_target *to, const struct flow_key *key)
{
	to->wire = *key;
	to->backend = 0;
	to->port = 0;
}

/*
 * race: of a flow whose backend is replaced just now, by another CPU, the address may be of two halves. Worst outcome: a
 * datagram goes to nobody, that would have gone to a backend that has gone. One that is forgotten loses its number first.
 */
static __always_inline bool target_keep(struct flow_target *to, const struct flow_key *key,
					const struct flow_record *record)
{
	__be16 port = READ_ONCE(record->path.nat_dst_port);

	if (!port)
		return false;
	__builtin_memcpy(to->wire.daddr, record->path.nat_dst, 16);
	to->backend = READ_ONCE(record->path.backend);
	if (!to->backend || READ_ONCE(record->tuple_check) != flow_tuple_check(key)) {
		target_none(to, key);
		return false;
	}
	to->wire.dport = port;
	to->port = READ_ONCE(record->path.wire_port);
	return true;
}

static __always_inline bool target_is_at(const struct flow_target *to, const struct service_backend *backend)
{
	return backend && backend->port == to->wire.dport && address_equals(backend->address, to->wire.daddr);
}

/* Datagrams go on to a backend for as long as it takes new ones; a connection would not survive another. */
static __always_inline bool target_lasts(const struct flow_target *to, const struct flow_key *key)
{
	__u32 number = to->backend;

	if (to->wire.proto != IPPROTO_UDP || number == SERVICE_NAMED_BACKEND)
		return true;
	if (number == SERVICE_HOST_PORT_BACKEND)
		return target_is_at(to, host_port_at(key->daddr, key->dport, key->proto));
	return bpf_map_lookup_elem(&service_backends, &number);
}

/* The same for all packets of a flow, and spread over flows: a table that didn't change gives the same backend. */
static __always_inline __u32 service_hash(const struct flow_key *key, __u32 probe)
{
	const __u32 *words = (const __u32 *)key->daddr;
	__u64 to = ((__u64)words[0] << 32 | words[1]) * 0x94d049bb133111ebull +
		   ((__u64)words[2] << 32 | words[3]) * 0xd6e8feb86659fd93ull + key->dport;

	return translation_mix(nat_seed(key) + to + (__u64)probe * 0x9e3779b97f4a7c15ull);
}

/* By a flow of the pod that leaves as it is: as long as it is in the table, the answers are its own. */
static __always_inline bool wire_is_taken(const struct flow_key *wire)
{
	const struct flow_record *own = bpf_map_lookup_elem(&flows, wire);

	return own && !READ_ONCE(own->path.wire_port);
}

static __always_inline __be16 wire_port_candidate(const struct flow_key *key, __u32 probe)
{
	if (!probe)
		return key->sport;
	return bpf_htons(WIRE_PORT_FIRST + ((__u64)service_hash(key, probe) * WIRE_PORT_COUNT >> 32));
}

/*
 * 0, and the answers are the flow's, which leaves from the first of its ports by which no other of the pod is known there; or why
 * that backend won't do. For a flow's life it tries the same ports in the same order.
 * race: another CPU opens a flow that leaves as it is. It is in the table before it looks for claims, and is looked for again after
 * this one: one of the two finds the other.
 */
VERIFIED_ALONE int service_claim(struct flow_target *to, const struct flow_key *key)
{
	struct nat_work *work = nat_work_begin();

	if (!to || !key || !work)
		return PATH_REASON_NO_PORT;
	if (address_equals(to->wire.daddr, key->saddr))
		return PATH_REASON_NO_BACKEND;
	work->entry.flow = *key;
	work->entry.claimed_s = translation_now_s();
	work->flow = to->wire;
	for (__u32 probe = 0; probe < WIRE_PORT_PROBES; probe++) {
		work->flow.sport = wire_port_candidate(key, probe);
		to->port = probe ? work->flow.sport : 0;
		translation_key_of(&work->at, &work->flow, key->saddr, work->flow.sport);
		if (!wire_is_taken(&work->flow) && translation_claim(work) && !wire_is_taken(&work->flow))
			return 0;
	}
	return PATH_REASON_NO_PORT;
}

/* Nobody has answered it, who would know it by the port that it had. Others needn't look again. */
static __always_inline bool target_is_fresh(const struct flow_record *record, __u32 how)
{
	return how & SERVICE_ANEW ||
	       (record->opener != FLOW_OPENER_REMOTE && !record->counters[FLOW_INGRESS].packets);
}

/* Another of the pod's flows, to a service, is known to that far end by that port: both would be one to it. */
static __always_inline bool target_is_others(const struct flow_key *key, const struct flow_record *record, __u32 how)
{
	struct nat_work *work = nat_work_now();

	return work && record && proto_has_ports(key->proto) && !key->vlan && flow_is_live(record, key) &&
	       target_is_fresh(record, how) && translation_returned(&work->entry, &work->at, key) &&
	       !flow_key_equals(&work->entry.flow, key);
}

/* A flow that goes to whom it names, from another port. Without one its own stays the other flow's. */
VERIFIED_ALONE int service_evade(struct flow_target *to, const struct flow_key *key)
{
	int refused;

	if (!to || !key)
		return PATH_REASON_NO_PORT;
	refused = service_claim(to, key);
	to->backend = refused ? 0 : SERVICE_NAMED_BACKEND;
	return refused;
}

static __always_inline int service_refusal(const struct service_pick *pick)
{
	if (pick->why == SERVICE_COUNT_EMPTY)
		return PATH_REASON_NO_BACKEND;
	return pick->why == SERVICE_COUNT_ABSENT ? PATH_REASON_NO_SERVICE : PATH_REASON_NO_PORT;
}

static __always_inline struct service_pick *service_pick_now(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&service_picks, &zero);
}

VERIFIED_ALONE int service_choose_alone(void)
{
	return service_choose(service_pick_now());
}

/* One backend for the flow, which is claimed. No number in `pick` when there is none at all. */
static __always_inline int service_aim_once(struct flow_target *to, const struct flow_key *key,
					    struct service_pick *pick, __u32 probe)
{
	int answer, refused;

	pick->choice = service_hash(key, probe);
	pick->any = probe > 0;
	pick->backend_number = 0;
	answer = service_choose_alone();
	if (answer == SERVICE_UNKNOWN)
		return SERVICE_ASK;
	if (answer != SERVICE_TRANSLATE)
		return answer == SERVICE_PASS ? SERVICE_AIMED : service_refusal(pick);
	__builtin_memcpy(to->wire.daddr, pick->backend.address, 16);
	to->wire.dport = pick->backend.port;
	to->backend = pick->backend_number;
	refused = service_claim(to, key);
	if (refused)
		target_none(to, key);
	else
		service_opened(pick);
	return refused;
}

/*
 * A backend for a flow that has none, or whose backend takes nothing new: then it stays where it is when there is no other,
 * as a service's flows do when it goes. `record` and `how` as for service_take.
 */
VERIFIED_ALONE int service_aim(struct flow_target *to, const struct flow_key *key, const struct flow_record *record,
			       __u32 how)
{
	struct service_pick *pick = service_pick_now();
	int answer = PATH_REASON_NO_PORT;

	if (!to || !key || !record || !pick)
		return answer;
	__builtin_memset(pick, 0, sizeof(*pick));
	__builtin_memcpy(pick->key.address, key->daddr, 16);
	pick->key.port = key->dport;
	pick->key.proto = key->proto;
	pick->client = key->endpoint_id;
	for (__u32 probe = 0; probe < SERVICE_PROBES; probe++) {
		answer = service_aim_once(to, key, pick, probe);
		if (answer <= 0 || !pick->backend_number)
			break;
	}
	if (answer != SERVICE_AIMED && !(how & SERVICE_ANEW) && target_keep(to, key, record))
		return SERVICE_AIMED;
	return answer;
}

static __always_inline bool target_is_node_port(const struct flow_key *key, const struct forwarding *now)
{
	return node_port_may_be(key->daddr, key->dport, key->proto, now);
}

/* Whether the flow names a virtual address, or a port of this host's own that may lead to a pod. */
static __always_inline bool target_may_be_other(const struct flow_key *key)
{
	const struct forwarding *now = forwarding_now();

	if (address_is_virtual(key->daddr))
		return true;
	if (!now || !now->host_ports)
		return false;
	return target_is_node_port(key, now) ||
	       (now->host_ports & FORWARD_HOST_PORTS && host_port_at(key->daddr, key->dport, key->proto));
}

/*
 * Where a flow goes, as the endpoint has it. `record` is the flow's, NULL when there is no room for one: then a virtual
 * address can't be translated, since nobody would know the answers. A flow keeps its backend under whatever generation.
 */
VERIFIED_ALONE int service_take(struct flow_target *to, const struct flow_key *key, const struct flow_record *record,
				__u32 how)
{
	if (!to || !key)
		return PATH_REASON_NO_PORT;
	target_none(to, key);
	if (record && !(how & SERVICE_ANEW) && target_keep(to, key, record) &&
	    (!(how & SERVICE_MAY_CHOOSE) || target_lasts(to, key)))
		return SERVICE_AIMED;
	if (!(how & SERVICE_MAY_CHOOSE))
		return SERVICE_AIMED;
	if (!target_may_be_other(key))
		return target_is_others(key, record, how) ? SERVICE_EVADE : SERVICE_AIMED;
	if (key->proto != IPPROTO_TCP && key->proto != IPPROTO_UDP)
		return PATH_REASON_NO_SERVICE;
	if (!key->sport || !key->dport || key->vlan)
		return PATH_REASON_UNTRANSLATABLE;
	if (!record || !flow_is_live(record, key))
		return to->backend ? SERVICE_AIMED : PATH_REASON_NO_PORT; /* what is being taken out gets nothing new */
	target_none(to, key);
	return SERVICE_CHOOSE;
}

/*
 * Of a flow that something arrived in: whether the endpoint's next packet may be given a backend, or another. What is decided
 * for what arrives says nothing of that, and must not be followed by it.
 */
VERIFIED_ALONE int service_may_aim_elsewhere(const struct flow_target *to, const struct flow_key *key)
{
	if (!to || !key)
		return 1;
	return to->backend ? !target_lasts(to, key) : target_may_be_other(key);
}

/* `flow` becomes the flow that a backend's answers of that tuple belong to. 0: they are as they look. */
VERIFIED_ALONE int service_flow_of(struct flow_key *flow)
{
	struct nat_work *work = nat_work_begin();

	if (!flow || !work || !translation_returned(&work->entry, &work->at, flow))
		return 0;
	*flow = work->entry.flow;
	return 1;
}

/* The flow that has that tuple beyond its endpoint's link, whose key `flow` becomes. NULL: none that is live. */
static __always_inline struct flow_record *flow_of_wire(struct flow_key *flow)
{
	struct flow_record *record = flow_lookup_live(flow);

	if (record && !READ_ONCE(record->path.wire_port))
		return record;
	return service_flow_of(flow) ? flow_lookup_live(flow) : NULL;
}

#endif
