/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * The packet that nearly every packet is: Ethernet, no tag, no IP option, extension or fragment, TCP or UDP,
 * its headers in the linear part. Reads its flow key in a few loads, and doesn't judge what is any different:
 * that goes to parse.h, which knows everything. Not a second parser with opinions of its own.
 */
#ifndef MILLRACE_PLAIN_H
#define MILLRACE_PLAIN_H

#include "lib/flows.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the words of a key are put together as on x86 and arm64");

#define IP4_DONT_FRAGMENT_MASK bpf_htons(0xbfff) /* all but the bit that says nothing about this packet */
#define IP4_PLAIN 0x45 /* version 4, no options */

struct plain_packet {
	union flow_words flow;
	__u8 tcp_flags;
};

static __always_inline __u64 plain_ip4_word(__be32 ip4)
{
	return (__u64)ip4 << 32 | bpf_htonl(0xffff);
}

/* A word of ports as its endpoint sees it. */
static __always_inline __u32 plain_ports(__u32 ports, __u32 direction)
{
	return direction == FLOW_EGRESS ? ports : ports << 16 | ports >> 16;
}

/* The transport at `l4`, of which IP says there are `bytes`. */
static __always_inline bool plain_transport(struct plain_packet *plain, void *l4, void *data_end, __u32 bytes,
					    __u8 proto, __u32 direction, __u64 family)
{
	if (proto == IPPROTO_TCP) {
		if (l4 + sizeof(struct tcphdr) > data_end || bytes < sizeof(struct tcphdr))
			return false;
		plain->tcp_flags = ((__u8 *)l4)[13];
	} else if (proto == IPPROTO_UDP) {
		if (l4 + sizeof(struct udphdr) > data_end || bytes < sizeof(struct udphdr))
			return false;
		plain->tcp_flags = 0;
	} else {
		return false;
	}
	plain->flow.words[4] = plain_ports(*(__u32 *)l4, direction) | (__u64)proto << 32 | family << 40;
	return true;
}

static __always_inline bool plain_ip4(struct plain_packet *plain, void *at, void *data_end, __u32 bytes,
				      __u32 direction)
{
	struct iphdr *ip = at;
	__u32 total;

	if (at + sizeof(*ip) > data_end || *(__u8 *)at != IP4_PLAIN || ip->frag_off & IP4_DONT_FRAGMENT_MASK)
		return false;
	total = bpf_ntohs(ip->tot_len);
	if (total > bytes || total < sizeof(*ip))
		return false;
	plain->flow.words[0] = 0;
	plain->flow.words[1] = plain_ip4_word(direction == FLOW_EGRESS ? ip->saddr : ip->daddr);
	plain->flow.words[2] = 0;
	plain->flow.words[3] = plain_ip4_word(direction == FLOW_EGRESS ? ip->daddr : ip->saddr);
	return plain_transport(plain, at + sizeof(*ip), data_end, total - sizeof(*ip), ip->protocol, direction, 4);
}

static __always_inline bool plain_ip6(struct plain_packet *plain, void *at, void *data_end, __u32 bytes,
				      __u32 direction)
{
	struct ipv6hdr *ip = at;
	__u64 *local, *remote;
	__u32 payload;

	if (at + sizeof(*ip) > data_end || ip->version != 6)
		return false;
	payload = bpf_ntohs(ip->payload_len);
	if (payload + sizeof(*ip) > bytes)
		return false;
	local = direction == FLOW_EGRESS ? (__u64 *)&ip->saddr : (__u64 *)&ip->daddr;
	remote = direction == FLOW_EGRESS ? (__u64 *)&ip->daddr : (__u64 *)&ip->saddr;
	plain->flow.words[0] = local[0];
	plain->flow.words[1] = local[1];
	plain->flow.words[2] = remote[0];
	plain->flow.words[3] = remote[1];
	return plain_transport(plain, at + sizeof(*ip), data_end, payload, ip->nexthdr, direction, 6);
}

/* true: the key is the packet's flow's. false: whatever it is, it isn't plain. */
static __always_inline bool plain_parse(struct plain_packet *plain, struct __sk_buff *skb, __u32 endpoint_id,
					__u32 direction)
{
	void *data = (void *)(long)skb->data;
	void *data_end = (void *)(long)skb->data_end;
	__u32 bytes = skb->len - ETH_HEADER_BYTES;
	void *at = data + ETH_HEADER_BYTES;
	__be16 ethertype;

	if (at > data_end || skb->vlan_present)
		return false;
	plain->flow.words[5] = endpoint_id;
	ethertype = *(__be16 *)(at - 2);
	if (ethertype == bpf_htons(ETH_P_IP))
		return plain_ip4(plain, at, data_end, bytes, direction);
	if (ethertype == bpf_htons(ETH_P_IPV6))
		return plain_ip6(plain, at, data_end, bytes, direction);
	return false;
}

#endif
