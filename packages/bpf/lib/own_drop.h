/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * A packet the dataplane drops itself: counted with its reason where the kernel's drops are, so that one table and
 * one page has them all. The kernel's own word on the same packet is left out (own_drop_is).
 */
#ifndef MILLRACE_OWN_DROP_H
#define MILLRACE_OWN_DROP_H

#include "lib/drop_table.h"
#include "lib/kernel_skb.h"
#include "lib/packet.h"

static __always_inline int emit_own_drop(struct __sk_buff *skb, const struct drop_key *drop)
{
	struct event_drop *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return emit_lost(EVENT_DROP);
	event_begin(&event->header, EVENT_DROP);
	event->key = *drop;
	event->packet_bytes = skb->len;
	event->header_bytes = 0;
	__builtin_memset(event->headers, 0, EVENT_DROP_HEADERS);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* Counts; what becomes of the packet's memory is the caller's. */
static __always_inline void own_drop_count(struct __sk_buff *skb, struct own_drop *own, const struct flow_key *flow,
					   __u32 direction, __u32 reason)
{
	own->key.flow = *flow;
	own->key.reason = PATH_REASON_BASE + reason;
	own->key.netns_cookie = device_netns_cookie(kernel_device(skb));
	own->key.ifindex = skb->ifindex;
	own->key.direction = direction;
	if (drop_table_add(&own->key, skb->len))
		emit_own_drop(skb, &own->key);
}

/* Counts and answers "drop". `flow` is as the endpoint sees it; its record is the caller's. */
VERIFIED_ALONE int drop_own(struct __sk_buff *skb, const struct flow_key *flow, __u32 direction, __u32 reason)
{
	struct own_drop *own = own_drop_now();

	if (!flow || !own)
		return TCX_DROP_PACKET;
	own->skb = (__u64)kernel_skb(skb);
	own_drop_count(skb, own, flow, direction, reason);
	return TCX_DROP_PACKET;
}

/*
 * Of no flow: what whoever sends may put into headers at will must not fill the table of losses, so all of an endpoint's
 * are one entry. `endpoint_id` 0: nobody knows whose it was.
 */
static __noinline int drop_of_endpoint(struct __sk_buff *skb, __u32 endpoint_id, __u32 direction, __u32 reason)
{
	struct flow_key nobody = { .endpoint_id = endpoint_id };

	return drop_own(skb, &nobody, direction, reason);
}

#endif
