// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0)
/*
 * Packets the kernel threw away, with its reason and place, when they concern one of our pods. Real losses
 * are aggregated by flow, reason and place, and only the first of each makes an event: a flood costs one
 * counter. Ordinary ends are counted and nothing more. Watches every namespace's frees, keeps its own.
 */
#include "lib/load_memory.h"
#include "lib/count.h"
#include "lib/drop_class.h"
#include "lib/drop_table.h"
#include "lib/dropped.h"
#include "lib/emit.h"
#include "lib/entry.h"
#include "lib/endpoints.h"
#include "lib/fragment.h"
#include "lib/namespaces.h"
#include "lib/parse.h"

/* Our pods' addresses, for packets that die in the host's namespace: 8,192 x 80 bytes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u8[16]);
	__type(value, __u32); /* endpoint_id */
} addresses SEC(".maps");

/*
 * Freed with a reason, and no loss to anybody: a bridge flooded it here and it is meant for another
 * interface, or it is for a group that nobody here joined.
 */
static __always_inline bool drop_is_strangers(struct sk_buff *skb, __u32 reason)
{
	__u8 type = BPF_CORE_READ_BITFIELD(skb, pkt_type);

	if (type == PACKET_OTHERHOST)
		return true;
	return (type == PACKET_MULTICAST || type == PACKET_BROADCAST) &&
	       reason == bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_NOT_SPECIFIED);
}

/* Raw sockets are given their copy before the kernel looks for a ping socket and finds none. */
static __always_inline bool drop_is_raw_icmp(const struct packet *packet, __u32 reason)
{
	return proto_is_icmp(packet->key.proto) &&
	       reason == bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_NO_SOCKET);
}

/* In the host's namespace: whose packet was it? Leaves the key as that endpoint sees it. */
static __always_inline bool drop_match_address(struct drop_key *drop, const struct packet *packet)
{
	__u32 *endpoint_id = bpf_map_lookup_elem(&addresses, packet->key.saddr);

	drop->flow = packet->key;
	drop->direction = FLOW_EGRESS;
	if (!endpoint_id) {
		endpoint_id = bpf_map_lookup_elem(&addresses, packet->key.daddr);
		flow_reverse(&drop->flow, &packet->key);
		drop->direction = FLOW_INGRESS;
	}
	if (!endpoint_id)
		return false;
	drop->flow.endpoint_id = *endpoint_id;
	return true;
}

/* In a pod: which way it went is known when there is such a flow, else by whether it ever was received. */
static __noinline struct flow_record *drop_match_flow(const struct netns_info *info, struct drop_key *drop,
						      const struct packet *packet, bool received)
{
	struct flow_record *record;

	if (!info || !drop || !packet)
		return NULL;
	drop->flow = packet->key;
	drop->direction = FLOW_EGRESS;
	record = netns_flow_lookup(info, &drop->flow);
	if (record)
		return record;
	flow_reverse(&drop->flow, &packet->key);
	drop->direction = FLOW_INGRESS;
	record = netns_flow_lookup(info, &drop->flow);
	if (record)
		return record;
	if (!received) {
		drop->flow = packet->key;
		drop->direction = FLOW_EGRESS;
	}
	return NULL;
}

/* No such flow: the interface tells the endpoint, when the packet had one. */
static __always_inline void drop_match_interface(struct drop_key *drop)
{
	struct endpoint *endpoint = endpoint_at(drop->netns_cookie, drop->ifindex);

	drop->flow.endpoint_id = endpoint ? endpoint->endpoint_id : 0;
}

static __always_inline int emit_drop(const struct drop_key *drop, const struct dropped *dropped)
{
	struct event_drop *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return emit_lost(EVENT_DROP);
	event_begin(&event->header, EVENT_DROP);
	event->key = *drop;
	event->packet_bytes = dropped->bytes;
	event->header_bytes = dropped_headers(dropped, event->headers, EVENT_DROP_HEADERS);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

static __noinline int drop_count(const struct drop_key *drop, const struct dropped *dropped)
{
	if (!drop || !dropped)
		return 0;
	if (drop_table_add(drop, dropped->bytes))
		emit_drop(drop, dropped);
	return 0;
}

/* A loss in one of our namespaces. */
static __noinline int drop_attribute(const struct netns_info *info, struct drop_key *drop,
				     struct dropped *dropped)
{
	struct packet packet = {};
	struct flow_record *record;

	if (!info || !drop || !dropped)
		return 0;
	if (!dropped_parse(dropped, &packet)) {
		count(OBSERVER_DROPS_NOT_IP);
		return 0;
	}
	if (drop_is_raw_icmp(&packet, drop->reason)) {
		count(OBSERVER_DROPS_ORDINARY);
		return 0;
	}
	if (packet.fragment_offset)
		fragment_recall(&packet);
	if (info->kind == NETNS_HOST) {
		if (!drop_match_address(drop, &packet)) {
			count(OBSERVER_DROPS_OF_OTHERS);
			return 0;
		}
		record = flow_lookup_live(&drop->flow);
		if (record && record->path.wire_port)
			record = NULL; /* another flow's, that has the tuple beyond the pod's link */
	} else {
		record = drop_match_flow(info, drop, &packet, dropped->received);
		if (!record)
			drop_match_interface(drop);
	}
	if (record)
		flow_add_drop(record, drop->reason);
	return drop_count(drop, dropped);
}

/* since: 6.11 the tracepoint has the receiving socket as a fourth argument; older ones are told by the packet. */
SEC("tp_btf/kfree_skb")
int BPF_PROG(packet_dropped, struct sk_buff *skb, void *location, enum skb_drop_reason reason)
{
	struct drop_key drop = {};
	struct dropped dropped = {};
	struct netns_info *info;

	dropped_read_place(&dropped, skb);
	info = netns_lookup(dropped.netns_cookie);
	if (!info)
		return 0;
	if (own_drop_is(skb))
		return 0; /* counted where it was decided, with the reason */
	if (drop_is_ordinary(reason, (__u64)location) || drop_is_strangers(skb, reason)) {
		count(OBSERVER_DROPS_ORDINARY);
		return 0;
	}
	dropped_read_headers(&dropped, skb);
	drop.reason = reason;
	drop.location = (__u64)location;
	drop.netns_cookie = dropped.netns_cookie;
	drop.ifindex = dropped.ifindex;
	return drop_attribute(info, &drop, &dropped);
}

/* The version of packet_dropped in use. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} packet_dropped_now SEC(".maps");

/* See lib/entry.h. */
SEC("tp_btf/kfree_skb")
int packet_dropped_entry(void *ctx)
{
	return entry_call(ctx, &packet_dropped_now);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
