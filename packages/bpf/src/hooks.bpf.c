// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0)
/*
 * The programs at network devices; all are attached by tcx.
 *
 * Observe mode: endpoint_ingress and endpoint_egress on a container's own interface, inside its namespace, where they
 * see what other dataplanes would carry past a host-side hook. Both always answer "next program": Millrace counts, and
 * never changes, delays or stops a packet.
 *
 * As the dataplane: pod_egress and pod_ingress at the host's end of a pod's link, wire_ingress at the uplink, punt_ingress
 * where the agent puts packets back. Where the link is a netkit pair, pod_egress_netkit stands in pod_egress's place, at
 * netkit's own hook, whose answers mean the same, and pod_entry_netkit keeps the way into the pod open. Each packet of a known flow takes a short way: one look-up a side, then
 * it is sent on. Everything else is judged anew by the slow path. "Next" is answered only for what is the host's own.
 */
#include "abi_hash.h"
#include "lib/account.h"
#include "lib/observe_config.h"
#include "lib/pod_egress.h"
#include "lib/punted.h"
#include "lib/wire.h"

/* The packet's flow, opened when there is none, or its class; into which it was counted. */
static __noinline int endpoint_packet_any(struct __sk_buff *skb, struct endpoint *endpoint,
					  const struct flow_counters *add, __u32 direction, bool ethernet)
{
	struct packet packet = {};
	int result;

	if (!endpoint || !add || direction >= FLOW_DIRECTIONS)
		return 0;
	packet.key.endpoint_id = endpoint->endpoint_id;
	result = packet_parse(skb, &packet, ethernet);
	if (result == 0) {
		packet_match_fragment(&packet);
		if (observe_config.break_counter && (endpoint->counters[direction][EP_TOTAL].packets & 63) == 0)
			return 0;
		result = flow_update(skb, &packet, add, direction);
	}
	endpoint_note_all(endpoint, packet.notes);
	if (result == -EP_NOT_IP)
		counters_add(&endpoint->counters[direction][EP_NOT_IP], add);
	else if (result == -EP_TRUNCATED)
		counters_add(&endpoint->counters[direction][EP_TRUNCATED], add);
	else if (result == -EP_TABLE_FULL)
		counters_add(&endpoint->counters[direction][EP_TABLE_FULL], add);
	else if (result == -EP_FLOW_RETIRED)
		counters_add(&endpoint->counters[direction][EP_FLOW_RETIRED], add);
	else if (result == -EP_OVER_BUDGET)
		counters_add(&endpoint->counters[direction][EP_OVER_BUDGET], add);
	return result;
}

static __always_inline int endpoint_packet(struct __sk_buff *skb, __u32 direction)
{
	struct net_device *dev = kernel_device(skb);
	struct endpoint *endpoint = endpoint_of(skb);
	struct flow_counters add;
	bool ethernet;
	__u16 type;

	if (!endpoint) {
		count(OBSERVER_UNKNOWN_ENDPOINT);
		return TCX_NEXT_PROGRAM;
	}
	counters_of_packet(&add, skb, dev, direction);
	counters_add(&endpoint->counters[direction][EP_TOTAL], &add);
	if (direction == FLOW_INGRESS && endpoint_is_other_host(skb, dev)) {
		counters_add(&endpoint->counters[direction][EP_OTHER_HOST], &add);
		return TCX_NEXT_PROGRAM;
	}
	type = KERNEL_READ(dev, type);
	ethernet = type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK;
	if (observe_config.break_counter || !ethernet ||
	    !flow_update_plain(skb, endpoint->endpoint_id, &add, direction))
		endpoint_packet_any(skb, endpoint, &add, direction, ethernet);
	return TCX_NEXT_PROGRAM;
}

SEC("tc")
int endpoint_ingress(struct __sk_buff *skb)
{
	return endpoint_packet(skb, FLOW_INGRESS);
}

SEC("tc")
int endpoint_egress(struct __sk_buff *skb)
{
	return endpoint_packet(skb, FLOW_EGRESS);
}

/* All that a pod sends. */
static __always_inline int pod_sends(struct __sk_buff *skb, bool by_netkit)
{
	const struct forwarding *now = forwarding_now();
	struct endpoint *endpoint = endpoint_of(skb);
	struct way *way = way_begin();
	struct plain_packet plain;
	struct flow_counters add;
	bool is_plain;
	int answer;

	if (!by_netkit && punt_is_for_stack(skb))
		return TCX_NEXT_PROGRAM;
	if (!endpoint || !now || !way) {
		count(OBSERVER_UNKNOWN_ENDPOINT);
		return TCX_DROP_PACKET;
	}
	counters_of_packet(&add, skb, kernel_device(skb), FLOW_INGRESS);
	counters_add(&endpoint->counters[FLOW_EGRESS][EP_TOTAL], &add);
	is_plain = plain_parse(&plain, skb, endpoint->endpoint_id, FLOW_EGRESS);
	if (!is_plain || !pod_egress_plain(skb, &plain, way, &add, now)) {
		answer = pod_egress_any(skb, endpoint, &add, way, &plain.flow.key);
		if (answer != POD_EGRESS_SEND)
			return answer;
	}
	if (way->nat_dst_port && service_send(skb, way, &plain.flow.key, is_plain))
		return TCX_DROP_PACKET;
	if (way->kind == PATH_LOCAL)
		return pod_to_pod(skb, way, &plain, is_plain, &add, by_netkit, now);
	answer = send_away(skb, way, &plain.flow.key, is_plain, now); /* verifier: the endpoint is looked up anew, for the stack it takes */
	return answer == SEND_TOO_LONG ? refuse_long(skb, is_plain) : answer;
}

/* By a veth pair: tcx ingress of its host's end. */
SEC("tc")
int pod_egress(struct __sk_buff *skb)
{
	return pod_sends(skb, false);
}

/* By a netkit pair: the program of its peer, in the pod's own call, with the host's end as the device. */
SEC("tc")
int pod_egress_netkit(struct __sk_buff *skb)
{
	return link_answer_sender(pod_sends(skb, true));
}

/* What the host's own stack sends to a pod: tcx egress of the host's end of its link. */
SEC("tc")
int pod_ingress(struct __sk_buff *skb)
{
	struct delivery delivery = { .by_stack = true };
	const struct forwarding *now;
	struct endpoint *endpoint;
	struct flow_counters add;

	if (link_takes_done(skb))
		return TCX_NEXT_PROGRAM;
	now = forwarding_now();
	endpoint = delivery_to(&delivery, skb, skb->ifindex, 0);
	if (!endpoint || !now) {
		count(OBSERVER_UNKNOWN_ENDPOINT);
		return TCX_DROP_PACKET;
	}
	delivery.endpoint_id = endpoint->endpoint_id;
	delivery.came_up = punt_gave(skb, now);
	delivery.told.by_stack = !delivery.came_up;
	counters_of_packet(&add, skb, kernel_device(skb), FLOW_EGRESS);
	return deliver_any(skb, endpoint, &add, &delivery);
}

/*
 * Into a netkit pair's pod, as the program of the pair's primary: what comes here has passed pod_ingress. It keeps the pair
 * open, whose own policy is to drop.
 */
SEC("tc")
int pod_entry_netkit(struct __sk_buff *skb)
{
	return TCX_NEXT_PROGRAM;
}

/* All that arrives by the uplink: tcx ingress there. */
SEC("tc")
int wire_ingress(struct __sk_buff *skb)
{
	const struct forwarding *now = forwarding_now();
	struct delivery delivery = {};
	int answer;

	if (!now)
		return TCX_NEXT_PROGRAM;
	delivery.again = punt_is_for_wire(skb);
	answer = wire_unwrap(skb, &delivery.told, delivery.again);
	if (answer > WIRE_UNWRAPPED)
		return answer;
	return wire_deliver(skb, &delivery, answer == WIRE_UNWRAPPED, now);
}

/* What the agent puts back: tcx ingress of the device by which it gets what can't be sent yet. */
SEC("tc")
int punt_ingress(struct __sk_buff *skb)
{
	const struct forwarding *now = forwarding_now();

	return now ? punted_send(skb, now) : TCX_DROP_PACKET;
}

/* For the agent, before it attaches anything: 1 when both sides were built from the same layouts. */
SEC("syscall")
int abi_matches(void *ctx)
{
	return observe_config.abi_hash == ABI_HASH;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
