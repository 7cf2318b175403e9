/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * What is sent to a service that can't take it is answered as a closed port is: a TCP reset, or an ICMP port
 * unreachable; what is longer than its way takes as a router does. The packet itself becomes the answer, and goes back to its
 * sender. All else that is dropped is dropped in silence.
 */
#ifndef MILLRACE_REFUSAL_H
#define MILLRACE_REFUSAL_H

#include "lib/pod_link.h"
#include "lib/relay.h"
#include "lib/rewrite.h"
#include "lib/side_take.h"

#define REFUSAL_TTL 64
#define ICMP_PORT_UNREACHABLE 3
#define ICMP_FRAGMENTATION_NEEDED 4
#define ICMP6_UNREACHABLE 1
#define ICMP6_PORT_UNREACHABLE 4
#define ICMP6_TOO_LONG 2
#define QUOTED_TRANSPORT_BYTES 8

/* Too large for the stack. Hooks run with softirqs off, so none is in the middle of another. */
struct refusal {
	union {
		struct iphdr ip4;
		struct ipv6hdr ip6;
	};
	union {
		struct tcphdr tcp;
		struct {
			__u8 type;
			__u8 code;
			__sum16 check;
			__be32 mtu; /* 0 of all but what is too long; IPv4 has it in the lower half */
			__u8 quoted[sizeof(struct ipv6hdr) + QUOTED_TRANSPORT_BYTES];
		} icmp;
	};
	__u8 links[12]; /* destination, source */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct refusal);
} refusals __weak SEC(".maps");

static __always_inline __sum16 refusal_fold(__s64 sum)
{
	__u32 word = (__u32)sum;

	word = (word & 0xffff) + (word >> 16);
	word = (word & 0xffff) + (word >> 16);
	return ~word;
}

/* Of both addresses, protocol and length, over which transports are summed up. */
static __always_inline __s64 refusal_pseudo_sum(const struct packet *packet, __u8 proto, __u32 bytes)
{
	const __u32 skipped = packet->key.family == 4 ? 12 : 0;
	__be32 tail[2] = { bpf_htonl(proto), bpf_htonl(bytes) };
	__s64 sum = bpf_csum_diff(NULL, 0, tail, sizeof(tail), 0);

	if (skipped) {
		sum = bpf_csum_diff(NULL, 0, (__be32 *)(packet->key.saddr + 12), 4, sum);
		return bpf_csum_diff(NULL, 0, (__be32 *)(packet->key.daddr + 12), 4, sum);
	}
	sum = bpf_csum_diff(NULL, 0, (__be32 *)packet->key.saddr, 16, sum);
	return bpf_csum_diff(NULL, 0, (__be32 *)packet->key.daddr, 16, sum);
}

/* From whom the packet was for, to who sent it. */
static __always_inline void refusal_put_ip(struct refusal *answer, const struct packet *packet, __u8 proto, __u32 bytes)
{
	if (packet->key.family == 6) {
		answer->ip6.version = 6;
		answer->ip6.payload_len = bpf_htons(bytes);
		answer->ip6.nexthdr = proto;
		answer->ip6.hop_limit = REFUSAL_TTL;
		__builtin_memcpy(&answer->ip6.saddr, packet->key.daddr, 16);
		__builtin_memcpy(&answer->ip6.daddr, packet->key.saddr, 16);
		return;
	}
	answer->ip4.version = 4;
	answer->ip4.ihl = 5;
	answer->ip4.tot_len = bpf_htons(sizeof(struct iphdr) + bytes);
	answer->ip4.frag_off = bpf_htons(IP4_DONT_FRAGMENT);
	answer->ip4.ttl = REFUSAL_TTL;
	answer->ip4.protocol = proto;
	__builtin_memcpy(&answer->ip4.saddr, packet->key.daddr + 12, 4);
	__builtin_memcpy(&answer->ip4.daddr, packet->key.saddr + 12, 4);
	answer->ip4.check = refusal_fold(bpf_csum_diff(NULL, 0, (__be32 *)&answer->ip4, sizeof(struct iphdr), 0));
}

/* Of a connection that begins, or is thought to be there. Returns its bytes; 0: no answer to that. */
static __always_inline __u32 refusal_put_reset(struct __sk_buff *skb, struct refusal *answer, const struct packet *packet)
{
	struct tcphdr *tcp = &answer->tcp;
	__s64 pseudo = refusal_pseudo_sum(packet, IPPROTO_TCP, sizeof(*tcp));

	if (packet->tcp_flags & TCP_FLAG_BYTE_RST)
		return 0;
	tcp->source = packet->key.dport;
	tcp->dest = packet->key.sport;
	tcp->doff = sizeof(*tcp) / 4;
	tcp->rst = 1;
	if (packet->tcp_flags & TCP_FLAG_BYTE_ACK) {
		tcp->seq = bpf_htonl(packet->tcp_ack);
	} else {
		tcp->ack = 1;
		tcp->ack_seq = bpf_htonl(packet->tcp_seq + 1);
	}
	/* A checksum that a device is to complete stays one: the kernel has no way to say that it isn't. */
	if (rewrite_is_partial(skb))
		tcp->check = ~refusal_fold(pseudo);
	else
		tcp->check = refusal_fold(bpf_csum_diff(NULL, 0, (__be32 *)tcp, sizeof(*tcp), pseudo));
	return sizeof(*tcp);
}

static __always_inline __u32 refusal_put_error(struct __sk_buff *skb, struct refusal *answer, const struct packet *packet,
					       __u32 mtu)
{
	const __u32 long_bytes = sizeof(answer->icmp), short_bytes = long_bytes - 20;

	answer->icmp.mtu = bpf_htonl(mtu);
	if (packet->key.family == 4) {
		answer->icmp.type = ICMP_UNREACHABLE;
		answer->icmp.code = mtu ? ICMP_FRAGMENTATION_NEEDED : ICMP_PORT_UNREACHABLE;
		if (bpf_skb_load_bytes(skb, ETH_HEADER_BYTES, answer->icmp.quoted, short_bytes - ICMP_HEADER_BYTES))
			return 0;
		answer->icmp.check = refusal_fold(bpf_csum_diff(NULL, 0, (__be32 *)&answer->icmp, short_bytes, 0));
		return short_bytes;
	}
	answer->icmp.type = mtu ? ICMP6_TOO_LONG : ICMP6_UNREACHABLE;
	answer->icmp.code = mtu ? 0 : ICMP6_PORT_UNREACHABLE;
	if (bpf_skb_load_bytes(skb, ETH_HEADER_BYTES, answer->icmp.quoted, long_bytes - ICMP_HEADER_BYTES))
		return 0;
	answer->icmp.check = refusal_fold(bpf_csum_diff(NULL, 0, (__be32 *)&answer->icmp, long_bytes,
							refusal_pseudo_sum(packet, NEXTHDR_ICMP6, long_bytes)));
	return long_bytes;
}

/* In place of the packet, with the link's ends exchanged. */
static __always_inline long refusal_store(struct __sk_buff *skb, struct refusal *answer, const struct packet *packet,
					  __u32 bytes)
{
	const __u32 ip_bytes = packet->key.family == 6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);

	if (bpf_skb_load_bytes(skb, 0, answer->links, 6) || bpf_skb_load_bytes(skb, 6, answer->links + 6, 6) ||
	    bpf_skb_change_tail(skb, ETH_HEADER_BYTES + ip_bytes + bytes, 0) ||
	    bpf_skb_store_bytes(skb, 0, answer->links + 6, 6, 0) || bpf_skb_store_bytes(skb, 6, answer->links, 6, 0) ||
	    bpf_skb_store_bytes(skb, ETH_HEADER_BYTES, &answer->ip4, ip_bytes, BPF_F_INVALIDATE_HASH))
		return -1;
	/* verifier: a length that it knows */
	if (bytes == sizeof(struct tcphdr))
		return bpf_skb_store_bytes(skb, ETH_HEADER_BYTES + ip_bytes, &answer->tcp, sizeof(answer->tcp), 0);
	if (packet->key.family == 6)
		return bpf_skb_store_bytes(skb, ETH_HEADER_BYTES + ip_bytes, &answer->icmp, sizeof(answer->icmp), 0);
	return bpf_skb_store_bytes(skb, ETH_HEADER_BYTES + ip_bytes, &answer->icmp, sizeof(answer->icmp) - 20, 0);
}

static __always_inline bool refusal_can(struct __sk_buff *skb, const struct packet *packet, __u32 mtu)
{
	__u32 ip_bytes = packet->key.family == 6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);

	return packet->ip_at == ETH_HEADER_BYTES && packet->transport_at == ETH_HEADER_BYTES + ip_bytes &&
	       !packet->fragment_offset && !packet->fragment_first && (mtu || skb->gso_segs < 2);
}

/* `mtu`: what a packet may be long at most; 0: nobody serves there. 0: it is its own answer. Negative: there is none, or it is half written. */
VERIFIED_ALONE int refusal_write(struct __sk_buff *skb, const struct packet *packet, __u32 mtu)
{
	__u32 zero = 0, bytes;
	struct refusal *answer = bpf_map_lookup_elem(&refusals, &zero);
	bool tcp;

	if (!packet || !answer || !refusal_can(skb, packet, mtu))
		return -1;
	__builtin_memset(answer, 0, sizeof(*answer));
	tcp = packet->key.proto == IPPROTO_TCP && !mtu;
	bytes = tcp ? refusal_put_reset(skb, answer, packet) : refusal_put_error(skb, answer, packet, mtu);
	if (!bytes)
		return -1;
	refusal_put_ip(answer, packet, tcp ? IPPROTO_TCP : packet->key.family == 6 ? NEXTHDR_ICMP6 : IPPROTO_ICMP, bytes);
	return refusal_store(skb, answer, packet, bytes) ? -1 : 0;
}

/* As any packet that arrives in the pod: in the refused flow, of which it is an answer, or an error about it. */
static __always_inline void refusal_count(struct __sk_buff *skb, struct endpoint *endpoint, struct side *side, bool is_error)
{
	struct flow_record *record = side->class ? NULL : flow_lookup_live(&side->key);
	struct flow_counters add = { .packets = 1, .segments = 1, .bytes = skb->len };

	counters_add(&endpoint->counters[FLOW_INGRESS][EP_TOTAL], &add);
	if (!record) {
		side_count_class(endpoint, FLOW_INGRESS, side->class ?: EP_FLOW_RETIRED, &add);
		return;
	}
	flow_add(record, &add, FLOW_INGRESS);
	__sync_fetch_and_add(&record->path.slow_packets, 1);
	if (side->key.proto != IPPROTO_TCP || is_error)
		return;
	side->packet.tcp_flags = TCP_FLAG_BYTE_RST;
	tcp_follow(record, &side->key, side->packet.tcp_flags, side->packet.tcp_seq, FLOW_INGRESS);
}

/* Whoever sends to a service is told that nobody serves there, as it would be by a host. */
static __always_inline bool refusal_is_due(const struct side *side)
{
	return (side->path.reason == PATH_REASON_NO_BACKEND || side->path.reason == PATH_REASON_NO_SERVICE) &&
	       (side->key.proto == IPPROTO_TCP || side->key.proto == IPPROTO_UDP);
}

/* A packet of the endpoint's that is dropped and answered; `side->link` leads back to the sender. */
static __noinline int refuse(struct __sk_buff *skb, struct endpoint *endpoint, struct side *side)
{
	struct own_drop *own = own_drop_now();

	if (!endpoint || !side || !own)
		return TCX_DROP_PACKET;
	own_drop_count(skb, own, &side->key, FLOW_EGRESS, side->path.reason);
	own->skb = 0;
	if (refusal_write(skb, &side->packet, 0)) {
		own->skb = (__u64)kernel_skb(skb);
		return TCX_DROP_PACKET;
	}
	refusal_count(skb, endpoint, side, false);
	if (link_is_netkit(endpoint))
		return link_send_done(skb, side->link, true);
	return bpf_redirect_peer(side->link, 0);
}

/* What the endpoint sends is longer than the tunnel takes; `side` is of the packet when it isn't plain. */
static __noinline int refuse_long(struct __sk_buff *skb, bool is_plain)
{
	struct endpoint *endpoint = endpoint_of(skb);
	const struct forwarding *now = forwarding_now();
	__u32 direction = FLOW_EGRESS, link = skb->ifindex;
	struct own_drop *own = own_drop_now();
	struct side *side;

	if (!endpoint || !now || !own)
		return TCX_DROP_PACKET;
	side = is_plain ? side_begin(FLOW_EGRESS, endpoint->endpoint_id) : bpf_map_lookup_elem(&sides, &direction);
	if (!side || (is_plain && packet_parse(skb, &side->packet, true) < 0))
		return TCX_DROP_PACKET;
	side->key = side->packet.key;
	drop_lost(skb, &side->key, PATH_REASON_TOO_LONG);
	if (refusal_write(skb, &side->packet, relay_mtu(skb, now->uplink)))
		return TCX_DROP_PACKET;
	own->skb = 0; /* it goes on */
	refusal_count(skb, endpoint, side, true);
	if (link_is_netkit(endpoint))
		return link_send_done(skb, link, true);
	return bpf_redirect_peer(link, 0);
}

#endif
