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
	if (rewrite_end(skb, &work->place, &work->end)) {
		drop_lost(skb, key, PATH_REASON_UNTRANSLATABLE);
		return -1;
	}
	__builtin_memcpy(key->daddr, way->nat_dst, 16);
	key->dport = way->nat_dst_port;
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
	if (!nat_find_quoted(packet->key.endpoint_id) || !work->way.nat_dst_port ||
	    !address_equals(packet->key.daddr, work->flow.daddr))
		return 0;
	nat_end(&work->end, work->flow.daddr, work->flow.dport, work->way.nat_dst, work->way.nat_dst_port);
	work->end.source = true;
	__builtin_memcpy(packet->key.daddr, work->way.nat_dst, 16);
	return nat_rewrite_error(skb, work);
}

/* `flow` is as the pod has it by what is on the wire. A flow of its own goes before a backend's answer. */
static __always_inline bool service_is_answer(struct nat_work *work, const struct flow_key *flow)
{
	if (bpf_map_lookup_elem(&flows, flow) || !translation_returned(&work->entry, &work->at, flow))
		return false;
	nat_end(&work->end, flow->daddr, flow->dport, work->entry.flow.daddr, work->entry.flow.dport);
	return true;
}

#define SERVICE_NO_ANSWER 0
#define SERVICE_ANSWER 1
#define SERVICE_BROKEN (-1) /* half changed: counted, and to be dropped */

static __always_inline int service_broken(struct __sk_buff *skb, const struct nat_work *work)
{
	drop_own(skb, &work->entry.flow, FLOW_INGRESS, PATH_REASON_UNTRANSLATABLE);
	return SERVICE_BROKEN;
}

/* Of a packet for a pod, of no flow that is known: when a backend's answer, it is the service's now, and `plain` follows. */
VERIFIED_ALONE int service_return_plain(struct __sk_buff *skb, struct plain_packet *plain)
{
	struct nat_work *work = nat_work_begin();

	if (!plain || !work)
		return SERVICE_NO_ANSWER;
	work->flow = plain->flow.key;
	if (!service_is_answer(work, &work->flow))
		return SERVICE_NO_ANSWER;
	nat_place_plain(&work->place, &plain->flow.key);
	work->end.source = true;
	if (rewrite_end(skb, &work->place, &work->end))
		return service_broken(skb, work);
	plain->flow.key = work->entry.flow;
	return SERVICE_ANSWER;
}

/* An error about what the pod sent to a service, from the backend or from on the way to it: the pod must find in it what it sent. */
static __always_inline int service_return_error(struct __sk_buff *skb, struct packet *packet, struct nat_work *work)
{
	if (quote_read(skb, &work->place, &work->quote))
		return SERVICE_NO_ANSWER;
	work->quote.key.endpoint_id = packet->key.endpoint_id;
	if (!service_is_answer(work, &work->quote.key))
		return SERVICE_NO_ANSWER;
	if (quote_rewrite(skb, &work->place, &work->quote, &work->end))
		return service_broken(skb, work);
	if (!address_equals(packet->key.saddr, work->end.from))
		return SERVICE_ANSWER;
	work->end.source = true;
	work->end.to_port = work->end.from_port; /* the error itself has none */
	__builtin_memcpy(packet->key.saddr, work->end.to, 16);
	return rewrite_end(skb, &work->place, &work->end) ? service_broken(skb, work) : SERVICE_ANSWER;
}

/* The same of what is parsed; `packet` follows. */
VERIFIED_ALONE int service_return_any(struct __sk_buff *skb, struct packet *packet)
{
	struct nat_work *work = nat_work_begin();

	if (!packet || !work || packet->key.vlan)
		return SERVICE_NO_ANSWER;
	nat_place_parsed(&work->place, packet);
	if (!packet->fragment_offset && flow_is_icmp_error(&packet->key))
		return service_return_error(skb, packet, work);
	if (proto_is_icmp(packet->key.proto))
		return SERVICE_NO_ANSWER;
	flow_reverse(&work->flow, &packet->key);
	if (!service_is_answer(work, &work->flow))
		return SERVICE_NO_ANSWER;
	work->end.source = true;
	if (rewrite_end(skb, &work->place, &work->end))
		return service_broken(skb, work);
	__builtin_memcpy(packet->key.saddr, work->end.to, 16);
	packet->key.sport = work->end.to_port;
	return SERVICE_ANSWER;
}

/* Of an error that side_judge_error has read: about what the backend got, and from the backend where it was. */
static __always_inline int service_unreturn_error(struct __sk_buff *skb, const struct packet *packet,
						  struct nat_work *work)
{
	__u32 zero = 0;
	const struct quoted_flow *about = bpf_map_lookup_elem(&quoted_flow, &zero);

	if (!about || flow_key_equals(&about->key, &about->sent))
		return 0;
	nat_end(&work->end, about->key.daddr, about->key.dport, about->sent.daddr, about->sent.dport);
	if (quote_rewrite(skb, &work->place, &about->error.quote, &work->end))
		return -1;
	if (!address_equals(packet->key.saddr, work->end.from))
		return 0;
	work->end.source = true;
	work->end.to_port = work->end.from_port;
	return rewrite_end(skb, &work->place, &work->end);
}

/*
 * A packet that service_return made the service's, and that the agent must be asked about: as it came again, since it is the
 * backend who is judged, and nobody knows a virtual address's identity. Put back, it is an answer like the first time.
 * Negative: half changed.
 */
VERIFIED_ALONE int service_unreturn(struct __sk_buff *skb, const struct side *side)
{
	struct nat_work *work = nat_work_begin();

	if (!side || !work)
		return -1;
	nat_place_parsed(&work->place, &side->packet);
	if (flow_is_icmp_error(&side->key))
		return service_unreturn_error(skb, &side->packet, work);
	if (!side->target.backend)
		return 0;
	nat_end(&work->end, side->key.daddr, side->key.dport, side->target.wire.daddr, side->target.wire.dport);
	work->end.source = true;
	return rewrite_end(skb, &work->place, &work->end);
}

#endif
