/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * A packet on its way out of the kernel, as a tracepoint is handed it: where it was, and where its headers
 * are, which depends on how far it got. Shared by the drop counters and the drop trace.
 */
#ifndef MILLRACE_DROPPED_H
#define MILLRACE_DROPPED_H

#include "lib/kernel.h"
#include "lib/load_memory.h"
#include "lib/parse.h"

#define MAC_HEADER_UNSET 0xffff
#define DST_POINTER_MASK (~7UL)

struct dropped {
	const unsigned char *head;
	__u64 netns_cookie;
	__u32 ifindex;    /* of the device it was on or was bound for; 0 none */
	__u32 bytes;      /* as a hook would count them, as far as can be told */
	__u32 ip_at;      /* offset of the IP header from head */
	__u32 linear_end; /* offsets from head */
	__u32 end;
	__u32 header_bytes; /* of IP and transport; 0 when they can't be told */
	__u16 vlan_tci;
	bool vlan;
	bool received;    /* it came in through a device; else it was made in this namespace */
	bool offloaded;
};

/*
 * race: `dev` shares its memory with other uses once a packet sits in a socket's queue, so a socket that is
 * known comes first. A wrong pointer reads as garbage (never faults) and its cookie matches nothing of ours.
 */
static __always_inline void dropped_read_place(struct dropped *dropped, struct sk_buff *skb)
{
	struct net_device *dev = skb->dev;
	struct sock *sk = skb->sk; /* verifier: one load, so that its NULL check counts */

	if (!dev) {
		struct dst_entry *dst = (void *)(skb->_skb_refdst & DST_POINTER_MASK);

		dev = BPF_CORE_READ(dst, dev);
	}
	if (sk)
		dropped->netns_cookie = sk->__sk_common.skc_net.net->net_cookie;
	else
		dropped->netns_cookie = BPF_CORE_READ(dev, nd_net.net, net_cookie);
	dropped->ifindex = BPF_CORE_READ(dev, ifindex);
}

/*
 * The IP header is at network_header but for a packet just received, on which only the device's driver has
 * worked: then it follows the Ethernet header.
 */
static __always_inline __u32 dropped_ip_at(struct sk_buff *skb)
{
	__u16 network = skb->network_header;
	__u16 mac = skb->mac_header;

	if (mac != MAC_HEADER_UNSET && (network == 0 || network < mac))
		return mac + ETH_HEADER_BYTES;
	if (network == 0)
		return skb->data - skb->head;
	return network;
}

static __always_inline void dropped_read_headers(struct dropped *dropped, struct sk_buff *skb)
{
	dropped->head = skb->head;
	dropped->ip_at = dropped_ip_at(skb);
	dropped->linear_end = skb->tail;
	dropped->received = skb->skb_iif != 0;
	dropped->vlan_tci = skb->vlan_tci;
	dropped->vlan = skb->vlan_proto != 0;
	dropped->bytes = skb->len;
	dropped->end = dropped->linear_end + skb->data_len;
}

VERIFIED_ALONE int dropped_parse(struct dropped *dropped, struct packet *packet)
{
	struct packet_source source = {
		.offloaded = true, /* may be: the length field is believed when it isn't 0 */
	};
	__u8 version;

	if (!dropped || !packet)
		return false;
	source.base = dropped->head;
	source.end = dropped->end;
	source.linear_end = dropped->linear_end;
	if (dropped->vlan)
		packet_take_vlan(packet, dropped->vlan_tci);
	if (packet_load(&source, dropped->ip_at, &version, 1))
		return false;
	packet->key.family = version >> 4;
	if (packet->key.family != 4 && packet->key.family != 6)
		return false;
	if (parse_ip(&source, packet, dropped->ip_at))
		return false;
	dropped->header_bytes = packet->header_bytes;
	return true;
}

/* Of a packet that can't be parsed: as much as IPv6's header has. */
#define UNPARSED_HEADER_BYTES 40

/* Copies the headers from IP on, and nothing of what they carry: that is its owners' alone. How many bytes. */
static __always_inline __u32 dropped_headers(const struct dropped *dropped, __u8 *to, __u32 room)
{
	__u32 bytes = dropped->linear_end - dropped->ip_at;
	__u32 header_bytes = dropped->header_bytes ? dropped->header_bytes : UNPARSED_HEADER_BYTES;

	if (dropped->linear_end < dropped->ip_at)
		bytes = 0;
	if (bytes > header_bytes)
		bytes = header_bytes;
	if (bytes > room)
		bytes = room;
	__builtin_memset(to, 0, room);
	if (bytes && bpf_probe_read_kernel(to, bytes, dropped->head + dropped->ip_at))
		return 0;
	return bytes;
}

#endif
