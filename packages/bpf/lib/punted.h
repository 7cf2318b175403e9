/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * What the agent puts back after it has learned the way: on from where it was taken up, a pod's link or the uplink.
 */
#ifndef MILLRACE_PUNTED_H
#define MILLRACE_PUNTED_H

#include "lib/refusal.h"
#include "lib/send.h"
#include "lib/side_take.h"

/*
 * What came by the uplink and was taken up unchanged there: a tunnel's packet, or what is for a node port and from no pod here.
 * `key`: as sent.
 */
static __always_inline bool punted_is_of_wire(const struct flow_key *key, const struct forwarding *now)
{
	__u8 tunnel[16];

	if (bpf_map_lookup_elem(&locals, key->saddr))
		return false;
	if (key->proto == IPPROTO_UDP && now->tunnel_port && key->dport == now->tunnel_port) {
		address_from_ip4(tunnel, now->tunnel_address);
		return address_equals(key->daddr, tunnel);
	}
	return node_port_may_be(key->daddr, key->dport, key->proto, now);
}

/* By the sender's side, of a pod here. From another host's pod it can only go to one here, whose side judges it. */
static __always_inline void punted_decide(struct __sk_buff *skb, struct side *side, const struct forwarding *now)
{
	const struct local *here = bpf_map_lookup_elem(&locals, side->key.saddr);
	struct flow_record *record;

	if (!here) {
		path_decide(&side->path, &side->key);
		if (side->path.kind != PATH_LOCAL)
			path_refuse(&side->path, PATH_REASON_ENDPOINT_GONE);
		return;
	}
	side->link = here->ifindex;
	side->packet.key.endpoint_id = here->endpoint_id;
	if (side->packet.fragment_offset)
		packet_match_fragment(&side->packet); /* what a first one says was remembered when the pod sent it */
	side->key = side->packet.key;
	side->came_up = true;
	record = flow_of_wire(&side->key);
	side->translated = !flow_key_equals(&side->key, &side->packet.key);
	side_find_opener(side, record);
	side_decide(skb, side, record, now);
	if (record && side->path.verdict == VERDICT_DROP)
		flow_add_drop(record, PATH_REASON_BASE + side->path.reason);
}

/* `key` becomes what it is beyond the link. Negative: counted, and to be dropped. */
static __always_inline int punted_translate(struct __sk_buff *skb, struct side *side, const struct way *way)
{
	if (!way->nat_dst_port || side->path.verdict == VERDICT_DROP)
		return 0;
	if (side->translated) {
		flow_key_on_wire(&side->key, &side->key, &side->path);
		return 0;
	}
	return service_send(skb, way, &side->key, false);
}

/* What was found in the packet stands so much farther on afterwards. 0, or no room. */
static __always_inline int punted_put_head(struct __sk_buff *skb, struct side *side)
{
	side->packet.ip_at += ETH_HEADER_BYTES;
	side->packet.transport_at += ETH_HEADER_BYTES;
	side->packet.ip_end += ETH_HEADER_BYTES;
	return punt_put_head(skb);
}

static __always_inline int punted_to_wire(struct __sk_buff *skb, struct side *side, __u32 uplink)
{
	if (punted_put_head(skb, side))
		return drop_of_endpoint(skb, 0, FLOW_INGRESS, PATH_REASON_NO_HEADROOM);
	return punt_to_wire(skb, uplink);
}

/* Back into the pod that sent the packet. */
static __always_inline int punted_refuse(struct __sk_buff *skb, struct side *side)
{
	struct delivery delivery = {};
	struct endpoint *endpoint = delivery_to(&delivery, skb, side->link, side->key.endpoint_id);

	if (!endpoint || punted_put_head(skb, side))
		return drop_own(skb, &side->key, FLOW_EGRESS, side->path.reason);
	return refuse(skb, endpoint, side);
}

/*
 * The sender's side was counted when the packet came from the pod. A packet that would go up once more is dropped, since the
 * agent doesn't know either; but for one whose backend is known only now.
 */
static __always_inline int punted_send(struct __sk_buff *skb, const struct forwarding *now)
{
	struct side *side = side_begin(FLOW_EGRESS, 0);
	struct way way;
	int answer;

	if (!side)
		return TCX_DROP_PACKET;
	answer = packet_parse(skb, &side->packet, false);
	if (answer < 0)
		return drop_of_endpoint(skb, 0, FLOW_EGRESS,
					answer == -EP_NOT_IP ? PATH_REASON_NOT_IP : PATH_REASON_MALFORMED);
	side->key = side->packet.key;
	if (punted_is_of_wire(&side->key, now))
		return punted_to_wire(skb, side, now->uplink);
	punted_decide(skb, side, now);
	if (side->link && side->path.verdict == VERDICT_DROP && refusal_is_due(side))
		return punted_refuse(skb, side);
	way_of(&way, &side->path);
	if (punted_translate(skb, side, &way))
		return TCX_DROP_PACKET;
	if (way.kind == PATH_PUNT && !side->came_up && punt_is_there(skb, now))
		return bpf_redirect(now->punt, 0);
	if (way.kind == PATH_PUNT)
		return drop_lost(skb, &side->key, PATH_REASON_UNRESOLVED);
	if (!verdict_forwards(side->path.verdict))
		return drop_own(skb, &side->key, FLOW_EGRESS, side->path.reason);
	if (punted_put_head(skb, side))
		return drop_lost(skb, &side->key, PATH_REASON_NO_HEADROOM);
	if (way.kind == PATH_LOCAL)
		return bpf_redirect_neigh(way.ifindex, NULL, 0, 0);
	answer = send_away(skb, &way, &side->key, false, now);
	if (answer == SEND_TOO_LONG)
		return drop_lost(skb, &side->key, PATH_REASON_TOO_LONG);
	if (answer != TCX_NEXT_PROGRAM)
		return answer;
	return punt_to_stack(skb, side->link, link_at_is_netkit(skb, side->link));
}

#endif
