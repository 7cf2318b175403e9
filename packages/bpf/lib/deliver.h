/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Into a pod of this host: the receiver's side of a packet, counted and judged, then the packet is put straight into
 * the pod's end of its link. Where it came from is the caller's to know.
 */
#ifndef MILLRACE_DELIVER_H
#define MILLRACE_DELIVER_H

#include "lib/pod_link.h"
#include "lib/service_packet.h"
#include "lib/side_take.h"

struct delivery {
	__u32 ifindex; /* the host's end of the receiver's link */
	__u32 endpoint_id;
	bool by_stack; /* the host's stack is putting it there already */
	bool came_up;  /* the agent has put it back */
	bool again;    /* likewise, at the uplink: it isn't asked twice whose it is */
	bool by_netkit; /* a netkit pair's program has it */
	bool asked;    /* whether it is a backend's answer: known */
	struct told told;
};

static __always_inline int deliver_pass(struct __sk_buff *skb, const struct endpoint *endpoint,
					const struct delivery *delivery)
{
	if (delivery->by_stack)
		return TCX_NEXT_PROGRAM;
	if (observe_config.netkit && delivery->by_netkit)
		return link_send_done(skb, delivery->ifindex, link_is_netkit(endpoint));
	return bpf_redirect_peer(delivery->ifindex, 0);
}

/* Up to the agent, which puts the packet back when it can be judged. */
static __always_inline int deliver_ask(struct __sk_buff *skb, const struct side *side, const struct forwarding *now)
{
	if (service_unreturn(skb, side))
		return drop_own(skb, &side->key, FLOW_INGRESS, PATH_REASON_UNTRANSLATABLE);
	return bpf_redirect(now->punt, 0);
}

/* Whatever is not plain, or not known, or not decided under this generation. */
VERIFIED_ALONE int deliver_any(struct __sk_buff *skb, struct endpoint *endpoint, const struct flow_counters *add,
				  const struct delivery *delivery)
{
	const struct forwarding *now = forwarding_now();
	struct side *side;
	int result;

	if (!endpoint || !add || !delivery || !now)
		return TCX_DROP_PACKET;
	side = side_begin(FLOW_INGRESS, delivery->endpoint_id);
	if (!side)
		return TCX_DROP_PACKET;
	side->told = delivery->told;
	side->came_up = delivery->came_up;
	result = packet_parse(skb, &side->packet, true);
	if (result < 0) {
		side->class = -result;
	} else {
		packet_match_fragment(&side->packet);
		if (!delivery->asked && service_return_any(skb, side) == SERVICE_BROKEN)
			return service_broken(skb);
		side_take(skb, side, add, now, FLOW_INGRESS);
		if (side->path.verdict == VERDICT_DROP)
			return drop_own(skb, &side->key, FLOW_INGRESS, side->path.reason);
		if (side->unjudged)
			return deliver_ask(skb, side, now);
	}
	endpoint_note_all(endpoint, side->packet.notes);
	counters_add(&endpoint->counters[FLOW_INGRESS][EP_TOTAL], add);
	side_count_class(endpoint, FLOW_INGRESS, side->class, add);
	return deliver_pass(skb, endpoint, delivery);
}

#define DELIVER_SLOWLY 0 /* it is deliver_any's, uncounted */
#define DELIVER_ASKED 2  /* likewise, and no backend's answer */
#define DELIVER_PASS 1
#define DELIVER_BROKEN (-1) /* to be dropped */

/* The fast path of a plain packet; `plain` is as the receiver sees it. What the host's stack sends doesn't come by here. */
static __always_inline int deliver_plain(struct __sk_buff *skb, struct endpoint *endpoint, struct plain_packet *plain,
					 const struct flow_counters *add, const struct told *told,
					 const struct forwarding *now)
{
	struct flow_record *record = bpf_map_lookup_elem(&flows, &plain->flow);
	bool answers = !record || record->path.wire_port;
	struct flow_pace pace;

	if (answers && !service_find_plain(plain))
		return DELIVER_ASKED;
	if (answers)
		record = service_found();
	else if (!flow_is_live_as(record, flow_words_check(&plain->flow)))
		record = NULL;
	if (!record || !path_is_current(&record->path, now) || !verdict_forwards(record->path.verdict) ||
	    record->path.peer_identity == POLICY_HOST_IDENTITY || !path_has_port(&record->path, told))
		return answers ? DELIVER_SLOWLY : DELIVER_ASKED;
	if (answers && service_return_plain(skb, plain) == SERVICE_BROKEN)
		return DELIVER_BROKEN;
	counters_add(&endpoint->counters[FLOW_INGRESS][EP_TOTAL], add);
	pace = flow_add(record, add, FLOW_INGRESS);
	if (plain->tcp_flags && tcp_must_follow(record, plain->tcp_flags, FLOW_INGRESS))
		tcp_follow(record, &plain->flow.key, plain->tcp_flags, 0, FLOW_INGRESS);
	if (pace.moved)
		emit_flow_moved(&plain->flow.key);
	return DELIVER_PASS;
}

static __always_inline struct endpoint *delivery_to(struct delivery *delivery, struct __sk_buff *skb, __u32 ifindex,
						    __u32 endpoint_id)
{
	delivery->ifindex = ifindex;
	delivery->endpoint_id = endpoint_id;
	return endpoint_at(device_netns_cookie(kernel_device(skb)), ifindex);
}

static __always_inline int deliver(struct __sk_buff *skb, struct endpoint *endpoint, struct plain_packet *plain,
				   bool is_plain, const struct flow_counters *add, struct delivery *delivery,
				   const struct told *told, const struct forwarding *now)
{
	int answer = DELIVER_SLOWLY;

	if (is_plain && !tcp_may_open(plain->tcp_flags)) {
		answer = deliver_plain(skb, endpoint, plain, add, told, now);
		delivery->asked = answer == DELIVER_ASKED;
	}
	if (answer == DELIVER_SLOWLY || answer == DELIVER_ASKED)
		return deliver_any(skb, endpoint, add, delivery);
	return answer == DELIVER_PASS ? deliver_pass(skb, endpoint, delivery) : service_broken(skb);
}

#endif
