/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * The overlay's outer headers, put on and taken off (VXLAN, RFC 7348, over IPv4). The network identifier carries
 * the sender's identity. Which packets get them is decided elsewhere.
 */
#ifndef MILLRACE_TUNNEL_H
#define MILLRACE_TUNNEL_H

#include "lib/kernel.h"
#include "shared/forward.h"

#define VXLAN_HAS_IDENTITY bpf_htonl(0x08000000)
/* Of ours, in bits that RFC 7348 leaves to be ignored: what is inside came to a node port of the sending host, which stands in the lower 16. */
#define VXLAN_CAME_TO_PORT bpf_htonl(0x01000000)
#define VXLAN_PORT_MASK bpf_htonl(0x0000ffff)
#define TUNNEL_TTL 64
/* Source ports of tunnels: one a flow, so that the wire's own balancing can tell flows apart. */
#define TUNNEL_PORT_BASE 49152
#define TUNNEL_PORT_MASK 0x3fff

struct vxlan_header {
	__be32 flags;
	__be32 identity; /* in the upper 24 bits */
};

struct tunnel_headers {
	struct iphdr ip; /* first: the checksum is over what stands there */
	struct udphdr udp;
	struct vxlan_header vxlan;
	struct ethhdr inner;
} __attribute__((packed));
_Static_assert(sizeof(struct tunnel_headers) == FORWARD_TUNNEL_BYTES, "the outer headers have another size");

/* Of the IPv4 header in front. */
static __always_inline __u16 tunnel_checksum(const struct tunnel_headers *headers)
{
	const __u16 *words = (const void *)headers;
	__u32 sum = 0;

	for (int i = 0; i < 10; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

struct tunnel_way {
	__be32 from;
	__be32 to;
	__be16 port;
	__u16 source_port;
	__u32 identity;
	__be16 came_to; /* a port of this host's; 0: of none */
	bool ip6; /* what is inside */
	bool shrinks; /* its segments, which are to be cut yet, become shorter by what is put on */
};

static __always_inline void tunnel_fill(struct tunnel_headers *headers, const struct tunnel_way *way, __u32 inner_bytes)
{
	headers->ip.version = 4;
	headers->ip.ihl = 5;
	headers->ip.tot_len = bpf_htons(sizeof(*headers) + inner_bytes);
	headers->ip.frag_off = bpf_htons(0x4000); /* never in pieces */
	headers->ip.ttl = TUNNEL_TTL;
	headers->ip.protocol = IPPROTO_UDP;
	headers->ip.saddr = way->from;
	headers->ip.daddr = way->to;
	headers->ip.check = tunnel_checksum(headers);
	headers->udp.source = bpf_htons(way->source_port);
	headers->udp.dest = way->port;
	headers->udp.len = bpf_htons(sizeof(*headers) - sizeof(headers->ip) + inner_bytes);
	headers->vxlan.flags = VXLAN_HAS_IDENTITY;
	if (way->came_to)
		headers->vxlan.flags |= VXLAN_CAME_TO_PORT | bpf_htonl(bpf_ntohs(way->came_to));
	headers->vxlan.identity = bpf_htonl(way->identity << 8);
	headers->inner.h_proto = bpf_htons(way->ip6 ? ETH_P_IPV6 : ETH_P_IP);
}

/* BPF_F_ADJ_ROOM_DECAP_L3_IPV4 and _IPV6. since: 6.3 (d219df60a70e); a build on an older kernel has no word for them. */
#define TUNNEL_HELD_IP4 (1 << 7)
#define TUNNEL_HELD_IP6 (1 << 8)

#define TUNNEL_ADD_FLAGS                                                                                  \
	(BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L4_UDP | BPF_F_ADJ_ROOM_ENCAP_L2_ETH |      \
	 (__u64)ETH_HEADER_BYTES << BPF_ADJ_ROOM_ENCAP_L2_SHIFT)

/*
 * `link_bytes`: of the link header in front, 14, or 0 on a device without. 0, or the kernel's refusal: a packet that
 * has outer headers of its own already.
 */
static __always_inline long tunnel_put_on(struct __sk_buff *skb, const struct tunnel_way *way, __u32 link_bytes)
{
	struct tunnel_headers headers = {};
	__be16 outer = bpf_htons(ETH_P_IP);
	long result;

	tunnel_fill(&headers, way, skb->len - link_bytes);
	result = bpf_skb_adjust_room(skb, sizeof(headers), BPF_ADJ_ROOM_MAC,
				     TUNNEL_ADD_FLAGS | (way->shrinks ? 0 : BPF_F_ADJ_ROOM_FIXED_GSO));
	if (result)
		return result;
	result = bpf_skb_store_bytes(skb, link_bytes, &headers, sizeof(headers), 0);
	if (!result && way->ip6 && link_bytes)
		result = bpf_skb_store_bytes(skb, ETH_HEADER_BYTES - 2, &outer, 2, 0);
	return result;
}

static __always_inline long tunnel_shrink(struct __sk_buff *skb, __s32 bytes, __u64 flags)
{
	return bpf_skb_adjust_room(skb, -bytes, BPF_ADJ_ROOM_MAC, flags | BPF_F_ADJ_ROOM_FIXED_GSO);
}

/*
 * Where the kernel can't be told what is inside: only a change from IPv4 to IPv6 has the kernel take a packet for IPv6, and it
 * makes room for a longer header. As much is taken off too much before, and written again.
 */
static __always_inline long tunnel_take_off_ip6(struct __sk_buff *skb)
{
	__u8 front[sizeof(struct ipv6hdr) - sizeof(struct iphdr)];
	__s32 outer = sizeof(struct tunnel_headers);
	long result = bpf_skb_load_bytes(skb, ETH_HEADER_BYTES + outer, front, sizeof(front));

	if (!result)
		result = tunnel_shrink(skb, outer + sizeof(front), 0);
	if (!result)
		result = bpf_skb_change_proto(skb, bpf_htons(ETH_P_IPV6), 0);
	return result ? result : bpf_skb_store_bytes(skb, ETH_HEADER_BYTES, front, sizeof(front), BPF_F_RECOMPUTE_CSUM);
}

static __always_inline long tunnel_take_off(struct __sk_buff *skb, bool ip6)
{
	__be16 inner = bpf_htons(ETH_P_IPV6);
	long result = tunnel_shrink(skb, sizeof(struct tunnel_headers), ip6 ? TUNNEL_HELD_IP6 : TUNNEL_HELD_IP4);

	if (result == -EINVAL)
		result = ip6 ? tunnel_take_off_ip6(skb) : tunnel_shrink(skb, sizeof(struct tunnel_headers), 0);
	if (!result && ip6)
		result = bpf_skb_store_bytes(skb, ETH_HEADER_BYTES - 2, &inner, 2, 0);
	return result;
}

#endif
