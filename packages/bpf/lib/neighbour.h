/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * A pod's questions for link addresses (RFC 826, RFC 4861), answered by its host's end for every address but the
 * pod's own: there is nobody else on the link. The question is turned into the answer in place and sent back.
 */
#ifndef MILLRACE_NEIGHBOUR_H
#define MILLRACE_NEIGHBOUR_H

#include "lib/kernel_skb.h"
#include "lib/packet.h"

#define ETH_P_ARP 0x0806
#define ARP_REQUEST 1
#define ARP_REPLY 2
#define ND_SOLICITATION 135
#define ND_ADVERTISEMENT 136
#define ND_OPTION_TARGET_ADDRESS 2
#define ND_FLAGS_ANSWER bpf_htonl(0xe0000000) /* router, solicited, override */

struct arp_ip4 {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_bytes;
	__u8 protocol_bytes;
	__be16 operation;
	__u8 sender_link[6];
	__be32 sender;
	__u8 target_link[6];
	__be32 target;
} __attribute__((packed));

struct arp_packet {
	struct ethhdr ethernet;
	struct arp_ip4 arp;
} __attribute__((packed));

struct nd_message {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be32 flags;
	__u8 target[16];
	__u8 option;
	__u8 option_words; /* of 8 bytes */
	__u8 link[6];
};

struct nd_packet {
	struct ipv6hdr ip;
	struct nd_message nd;
};

static __always_inline void link_address_of(const struct net_device *dev, __u8 to[6])
{
	bpf_probe_read_kernel(to, 6, BPF_CORE_READ(dev, dev_addr));
}

/* true: it was a question, and the packet is the answer now. */
VERIFIED_ALONE int arp_answer(struct __sk_buff *skb)
{
	struct arp_packet packet;
	__u8 own[6];
	__be32 asked;

	if (bpf_skb_load_bytes(skb, 0, &packet, sizeof(packet)) || packet.ethernet.h_proto != bpf_htons(ETH_P_ARP) ||
	    packet.arp.protocol != bpf_htons(ETH_P_IP) || packet.arp.hardware_bytes != 6 ||
	    packet.arp.protocol_bytes != 4 || packet.arp.operation != bpf_htons(ARP_REQUEST) ||
	    packet.arp.sender == packet.arp.target || packet.arp.sender == 0)
		return 0; /* not for us to answer: who announces or checks an address of its own hears nothing */
	link_address_of(kernel_device(skb), own);
	asked = packet.arp.target;
	packet.arp.operation = bpf_htons(ARP_REPLY);
	__builtin_memcpy(packet.arp.target_link, packet.arp.sender_link, 6);
	packet.arp.target = packet.arp.sender;
	__builtin_memcpy(packet.arp.sender_link, own, 6);
	packet.arp.sender = asked;
	__builtin_memcpy(packet.ethernet.h_dest, packet.arp.target_link, 6);
	__builtin_memcpy(packet.ethernet.h_source, own, 6);
	return bpf_skb_store_bytes(skb, 0, &packet, sizeof(packet), 0) == 0;
}

static __always_inline __u16 checksum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* RFC 8200, 8.1: over the pseudo-header and the message, whose own checksum is 0. */
static __always_inline __u16 nd_checksum(const struct nd_packet *packet)
{
	__s64 sum = bpf_csum_diff(NULL, 0, (__be32 *)&packet->ip.saddr, 32, 0);

	sum = bpf_csum_diff(NULL, 0, (__be32 *)&packet->nd, sizeof(packet->nd), sum);
	return checksum_fold((__u64)(__u32)sum + bpf_htonl(sizeof(packet->nd)) + bpf_htonl(NEXTHDR_ICMP6));
}

static __always_inline void nd_turn_round(struct nd_packet *packet, const __u8 own[6])
{
	packet->ip.payload_len = bpf_htons(sizeof(packet->nd));
	packet->ip.hop_limit = 255;
	packet->ip.daddr = packet->ip.saddr;
	__builtin_memcpy(&packet->ip.saddr, packet->nd.target, 16);
	packet->nd.type = ND_ADVERTISEMENT;
	packet->nd.checksum = 0;
	packet->nd.flags = ND_FLAGS_ANSWER;
	packet->nd.option = ND_OPTION_TARGET_ADDRESS;
	packet->nd.option_words = 1;
	__builtin_memcpy(packet->nd.link, own, 6);
	packet->nd.checksum = nd_checksum(packet);
}

/* For a packet that was parsed as a plain neighbour solicitation. true: it is the answer now. */
VERIFIED_ALONE int nd_answer(struct __sk_buff *skb)
{
	struct nd_packet packet = {};
	__u8 links[12]; /* to whom, from whom */
	__u8 own[6];

	if (bpf_skb_load_bytes(skb, ETH_HEADER_BYTES, &packet, sizeof(packet)) || packet.ip.nexthdr != NEXTHDR_ICMP6 ||
	    bpf_ntohs(packet.ip.payload_len) < sizeof(packet.nd) || packet.ip.hop_limit != 255 || packet.nd.type != ND_SOLICITATION)
		return 0; /* without the option there is no asker's address: somebody checks whether his is free */
	if (!packet.ip.saddr.in6_u.u6_addr32[0] && !packet.ip.saddr.in6_u.u6_addr32[3])
		return 0;
	link_address_of(kernel_device(skb), own);
	nd_turn_round(&packet, own);
	if (bpf_skb_load_bytes(skb, 6, links, 6) || bpf_skb_change_tail(skb, ETH_HEADER_BYTES + sizeof(packet), 0))
		return 0;
	__builtin_memcpy(links + 6, own, 6);
	return bpf_skb_store_bytes(skb, 0, links, sizeof(links), 0) == 0 &&
	       bpf_skb_store_bytes(skb, ETH_HEADER_BYTES, &packet, sizeof(packet), 0) == 0;
}

#endif
