/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Services, packet by packet: what a pod sends to a virtual address goes to its flow's backend, and what the backend
 * answers comes to the pod from the virtual address, errors about either included. Both at the pod's own link, so that
 * everything beyond it knows the backend alone. Which backend is service_flow.h's.
 */
#ifndef MILLRACE_SERVICE_PACKET_H
#define MILLRACE_SERVICE_PACKET_H

#include "lib/nat_packet.h"
#include "lib/side_judge.h"

/* The pod's own end, which has another port beyond the link. Negative: half changed. */
static __always_inline int service_rewrite_port(struct __sk_buff *skb, struct nat_work *work, const __u8 address[16],
						__be16 from, __be16 to, bool source)
{
	if (from == to)
		return 0;
	nat_end(&work->end, address, from, address, to);
	work->end.source = source;
	return rewrite_end(skb, &work->place, &work->end);
}

/* The same in what an error quotes. */
static __always_inline int service_requote_port(struct __sk_buff *skb, struct nat_work *work,
						const struct rewrite_quote *quote, const __u8 address[16], __be16 from,
						__be16 to, bool source)
{
	if (from == to)
		return 0;
	nat_end(&work->end, address, from, address, to);
	work->end.source = source;
	return quote_rewrite(skb, &work->place, quote, &work->end);
}

static __always_inline __be16 way_port(const struct way *way, const struct flow_key *key)
{
	return way->wire_port ? way->wire_port : key->sport;
}

/* A packet that the sender's side let pass: `key` becomes what it is beyond the link. Negative: counted, and to be dropped. */
VERIFIED_ALONE int service_send(struct __sk_buff *skb, const struct way *way, struct flow_key *key, bool is_plain)
{
	const struct packet *packet = is_plain ? NULL : nat_parsed();
	struct nat_work *work = nat_work_begin();

	if (!way || !key || !work)
		return -1;
	if (packet)
		nat_place_parsed(&work->place, packet);
	else
		nat_place_plain(&work->place, key);
	nat_end(&work->end, key->daddr, key->dport, way->nat_dst, way->nat_dst_port);
	if (rewrite_end(skb, &work->place, &work->end) ||
	    service_rewrite_port(skb, work, key->saddr, key->sport, way_port(way, key), true)) {
		drop_lost(skb, key, PATH_REASON_UNTRANSLATABLE);
		return -1;
	}
	__builtin_memcpy(key->daddr, way->nat_dst, 16);
	key->dport = way->nat_dst_port;
	key->sport = way_port(way, key);
	return 0;
}

/*
 * An ICMP error of the pod about what a backend answered: the backend must find in it what it sent. `packet` follows.
 * Negative: half changed. About anything else nothing is done.
 */
VERIFIED_ALONE int service_send_error(struct __sk_buff *skb, struct packet *packet)
{
	struct nat_work *work = nat_work_begin();

	if (!packet || !work || packet->fragment_offset)
		return 0;
	nat_place_parsed(&work->place, packet);
	if (quote_read(skb, &work->place, &work->quote))
		return 0;
	if (!nat_find_quoted(packet->key.endpoint_id, false) || !work->way.nat_dst_port ||
	    !address_equals(packet->key.daddr, work->flow.daddr))
		return 0;
	nat_end(&work->end, work->flow.daddr, work->flow.dport, work->way.nat_dst, work->way.nat_dst_port);
	work->end.source = true;
	__builtin_memcpy(packet->key.daddr, work->way.nat_dst, 16);
	if (nat_rewrite_error(skb, work))
		return -1;
	return service_requote_port(skb, work, &work->quote, work->flow.saddr, work->flow.sport,
				    way_port(&work->way, &work->flow), false);
}

static __always_inline bool service_is_claimed(struct nat_work *work, const struct flow_key *flow)
{
	if (!translation_returned(&work->entry, &work->at, flow))
		return false;
	nat_end(&work->end, flow->daddr, flow->dport, work->entry.flow.daddr, work->entry.flow.dport);
	return true;
}

/* `flow` is as the pod has it by what is on the wire. A flow that is there as the pod has it goes before a backend's answer. */
static __always_inline bool service_is_answer(struct nat_work *work, const struct flow_key *flow)
{
	const struct flow_record *own = bpf_map_lookup_elem(&flows, flow);

	return !(own && !READ_ONCE(own->path.wire_port)) && service_is_claimed(work, flow);
}

#define SERVICE_NO_ANSWER 0
#define SERVICE_ANSWER 1
#define SERVICE_BROKEN (-1) /* half changed: service_broken */

/* verifier: by the caller, for the stack that it takes. */
static __always_inline int service_broken(struct __sk_buff *skb)
{
	const struct nat_work *work = nat_work_now();

	return work ? drop_own(skb, &work->entry.flow, FLOW_INGRESS, PATH_REASON_UNTRANSLATABLE) : TCX_DROP_PACKET;
}

/* Of a packet for a pod, of no flow that is there as the pod has it. 0: it is no backend's answer. nat_work has whose it is. */
VERIFIED_ALONE int service_find_plain(const struct plain_packet *plain)
{
	struct nat_work *work = nat_work_begin();

	if (!plain || !work)
		return 0;
	work->flow = plain->flow.key;
	if (!service_is_claimed(work, &work->flow))
		return 0;
	work->entry_check = flow_tuple_check(&work->entry.flow);
	return 1;
}

static __always_inline struct flow_record *service_found(void)
{
	struct nat_work *work = nat_work_now();
	struct flow_record *record = work ? bpf_map_lookup_elem(&flows, &work->entry.flow) : NULL;

	return record && flow_is_live_as(record, work->entry_check) ? record : NULL;
}

/* After service_find_plain: it is the service's now, and `plain` follows. */
VERIFIED_ALONE int service_return_plain(struct __sk_buff *skb, struct plain_packet *plain)
{
	struct nat_work *work = nat_work_now();

	if (!plain || !work)
		return SERVICE_BROKEN;
	nat_place_plain(&work->place, &plain->flow.key);
	work->end.source = true;
	if (rewrite_end(skb, &work->place, &work->end) ||
	    service_rewrite_port(skb, work, work->flow.saddr, work->flow.sport, work->entry.flow.sport, false))
		return SERVICE_BROKEN;
	plain->flow.key = work->entry.flow;
	return SERVICE_ANSWER;
}

/* An error about what the pod sent to a service, from the backend or from on the way to it: the pod must find in it what it sent. */
static __always_inline int service_return_error(struct __sk_buff *skb, struct side *side, struct nat_work *work)
{
	struct packet *packet = &side->packet;

	if (quote_read(skb, &work->place, &work->quote))
		return SERVICE_NO_ANSWER;
	work->quote.key.endpoint_id = packet->key.endpoint_id;
	if (!service_is_answer(work, &work->quote.key))
		return SERVICE_NO_ANSWER;
	side->came = work->quote.key;
	if (quote_rewrite(skb, &work->place, &work->quote, &work->end))
		return SERVICE_BROKEN;
	if (address_equals(packet->key.saddr, work->end.from)) {
		work->end.source = true;
		work->end.to_port = work->end.from_port; /* the error itself has none */
		__builtin_memcpy(packet->key.saddr, work->end.to, 16);
		if (rewrite_end(skb, &work->place, &work->end))
			return SERVICE_BROKEN;
	}
	if (service_requote_port(skb, work, &work->quote, work->quote.key.saddr, work->quote.key.sport,
				 work->entry.flow.sport, true))
		return SERVICE_BROKEN;
	return SERVICE_ANSWER;
}

/* The same of what is parsed; the side's packet follows. */
VERIFIED_ALONE int service_return_any(struct __sk_buff *skb, struct side *side)
{
	struct nat_work *work = nat_work_begin();
	struct packet *packet;

	if (!side || !work || side->packet.key.vlan)
		return SERVICE_NO_ANSWER;
	packet = &side->packet;
	nat_place_parsed(&work->place, packet);
	if (!packet->fragment_offset && flow_is_icmp_error(&packet->key))
		return service_return_error(skb, side, work);
	if (proto_is_icmp(packet->key.proto))
		return SERVICE_NO_ANSWER;
	flow_reverse(&work->flow, &packet->key);
	if (!service_is_answer(work, &work->flow))
		return SERVICE_NO_ANSWER;
	side->came = work->flow;
	work->end.source = true;
	if (rewrite_end(skb, &work->place, &work->end) ||
	    service_rewrite_port(skb, work, work->flow.saddr, work->flow.sport, work->entry.flow.sport, false))
		return SERVICE_BROKEN;
	__builtin_memcpy(packet->key.saddr, work->entry.flow.daddr, 16);
	packet->key.sport = work->entry.flow.dport;
	packet->key.dport = work->entry.flow.sport;
	return SERVICE_ANSWER;
}

/* Of an error that side_judge_error has read: about what the backend got, and from the backend where it was. */
static __always_inline int service_unreturn_error(struct __sk_buff *skb, const struct side *side, struct nat_work *work)
{
	__u32 zero = 0;
	const struct quoted_flow *about = bpf_map_lookup_elem(&quoted_flow, &zero);
	const struct flow_key *to;

	if (!about)
		return 0;
	to = flow_key_equals(&about->key, &about->sent) ? &side->came : &about->sent;
	if (!to->endpoint_id)
		return 0;
	nat_end(&work->end, about->key.daddr, about->key.dport, to->daddr, to->dport);
	if (quote_rewrite(skb, &work->place, &about->error.quote, &work->end))
		return -1;
	if (address_equals(side->packet.key.saddr, work->end.from)) {
		work->end.source = true;
		work->end.to_port = work->end.from_port;
		if (rewrite_end(skb, &work->place, &work->end))
			return -1;
	}
	return service_requote_port(skb, work, &about->error.quote, about->key.saddr, about->key.sport, to->sport,
				    true);
}

static __always_inline __be16 service_port_there(const struct side *side)
{
	if (!side->target.backend)
		return side->came.sport;
	return side->target.port ? side->target.port : side->key.sport;
}

/*
 * A packet that service_return made the service's, and that the agent must be asked about: as it came again, since it is the
 * backend who is judged, and nobody knows a virtual address's identity. Put back, it is an answer like the first time. Under the
 * backend that the flow has; it may have none any more. Negative: half changed.
 */
VERIFIED_ALONE int service_unreturn(struct __sk_buff *skb, const struct side *side)
{
	struct nat_work *work = nat_work_begin();
	const struct flow_key *to;

	if (!side || !work)
		return -1;
	nat_place_parsed(&work->place, &side->packet);
	if (flow_is_icmp_error(&side->key))
		return service_unreturn_error(skb, side, work);
	to = side->target.backend ? &side->target.wire : &side->came;
	if (!to->endpoint_id)
		return 0;
	nat_end(&work->end, side->key.daddr, side->key.dport, to->daddr, to->dport);
	work->end.source = true;
	if (rewrite_end(skb, &work->place, &work->end))
		return -1;
	return service_rewrite_port(skb, work, side->key.saddr, side->key.sport, service_port_there(side), false);
}

#endif
