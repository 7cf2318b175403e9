/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * One end of a packet, address and port, made another, with every checksum over it: of IPv4, of the transport, and in
 * an ICMP error those of the packet it quotes. Which end becomes what is decided elsewhere.
 */
#ifndef MILLRACE_REWRITE_H
#define MILLRACE_REWRITE_H

#include "lib/kernel_skb.h"
#include "lib/packet.h"

#define CHECKSUM_PARTIAL 3 /* linux/skbuff.h: the transport's checksum is of the pseudo-header yet */
#define IP4_CHECKSUM_AT 10
#define IP4_SOURCE_AT 12
#define IP4_DESTINATION_AT 16
#define IP6_SOURCE_AT 8
#define IP6_DESTINATION_AT 24
#define ICMP_CHECKSUM_AT 2
#define ICMP_IDENTIFIER_AT 4
#define ICMP_HEADER_BYTES 8
#define IP4_TTL_AT 8
#define IP4_FRAGMENT_AT 6
#define IP4_DONT_FRAGMENT 0x4000
#define IP6_HOPS_AT 7

/* Where the headers are, by offset from the packet's start. */
struct rewrite_place {
	__u32 ip_at;
	__u32 transport_at; /* 0: not in this packet, a later fragment */
	__u32 end;          /* after its last byte; of errors, and of what they quote */
	__u8 family;
	__u8 proto;
};

struct rewrite {
	_Alignas(4) __u8 from[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u8 to[16];
	__be16 from_port; /* ICMP echo: the identifier */
	__be16 to_port;
	bool source; /* which end; ICMP's identifier is both's */
};

static __always_inline __u32 rewrite_checksum_at(__u8 proto)
{
	if (proto == IPPROTO_TCP)
		return offsetof(struct tcphdr, check);
	return proto == IPPROTO_UDP ? offsetof(struct udphdr, check) : ICMP_CHECKSUM_AT;
}

static __always_inline __u32 rewrite_port_at(__u8 proto, bool source)
{
	if (proto_is_icmp(proto))
		return ICMP_IDENTIFIER_AT;
	return source ? 0 : 2; /* TCP and UDP alike */
}

/* Over a pseudo-header with both addresses. */
static __always_inline bool rewrite_has_pseudo_header(__u8 proto)
{
	return proto != IPPROTO_ICMP;
}

static __always_inline __u32 rewrite_address_diff(const struct rewrite *end)
{
	return bpf_csum_diff((__be32 *)end->from, 16, (__be32 *)end->to, 16, 0);
}

static __always_inline __u32 rewrite_word_diff(__be16 from, __be16 to, __u32 seed)
{
	__be32 words[2] = { from, to };

	return bpf_csum_diff(&words[0], 4, &words[1], 4, seed);
}

static __always_inline bool rewrite_is_partial(struct __sk_buff *skb)
{
	struct sk_buff *kernel = kernel_skb(skb);

	return BPF_CORE_READ_BITFIELD_PROBED(kernel, ip_summed) == CHECKSUM_PARTIAL;
}

/*
 * A checksum that is still to be completed holds the pseudo-header's sum alone: an address changes it, a port doesn't, and
 * 0 is a sum like others; the helper knows the first two. IPv6's addresses are under no other checksum, so that what
 * the device has summed up over the whole packet stays right only when the helper takes this for no pseudo-header.
 */
static __always_inline long rewrite_transport(struct __sk_buff *skb, const struct rewrite_place *place,
					      const struct rewrite *end)
{
	__u32 at = place->transport_at + rewrite_checksum_at(place->proto);
	bool partial = (place->family == 6 || place->proto == IPPROTO_UDP) && rewrite_is_partial(skb);
	__u64 unsummed = place->proto == IPPROTO_UDP && !partial ? BPF_F_MARK_MANGLED_0 : 0;
	__u64 pseudo = place->family == 6 && !partial ? 0 : BPF_F_PSEUDO_HDR;
	long result = 0;

	if (rewrite_has_pseudo_header(place->proto))
		result = bpf_l4_csum_replace(skb, at, 0, rewrite_address_diff(end), pseudo | unsummed);
	if (result || end->from_port == end->to_port)
		return result;
	result = bpf_l4_csum_replace(skb, at, end->from_port, end->to_port, 2 | unsummed);
	if (result)
		return result;
	at = place->transport_at + rewrite_port_at(place->proto, end->source);
	return bpf_skb_store_bytes(skb, at, &end->to_port, 2, 0);
}

static __always_inline long rewrite_address(struct __sk_buff *skb, const struct rewrite_place *place,
					    const struct rewrite *end)
{
	const __be32 *from = (const __be32 *)end->from, *to = (const __be32 *)end->to;
	long result;

	if (place->family == 6)
		return bpf_skb_store_bytes(skb, place->ip_at + (end->source ? IP6_SOURCE_AT : IP6_DESTINATION_AT),
					   end->to, 16, 0);
	result = bpf_l3_csum_replace(skb, place->ip_at + IP4_CHECKSUM_AT, from[3], to[3], 4);
	if (result)
		return result;
	return bpf_skb_store_bytes(skb, place->ip_at + (end->source ? IP4_SOURCE_AT : IP4_DESTINATION_AT), &to[3], 4,
				   0);
}

/* 0, or the kernel's refusal: then the packet is half changed, and must go nowhere. */
VERIFIED_ALONE int rewrite_end(struct __sk_buff *skb, const struct rewrite_place *place, const struct rewrite *end)
{
	if (!place || !end)
		return -1;
	if (place->transport_at && rewrite_transport(skb, place, end))
		return -1;
	return rewrite_address(skb, place, end) ? -1 : 0;
}

/* A packet that an ICMP error is about, as far as it is quoted. */
struct rewrite_quote {
	struct rewrite_place place;
	struct flow_key key; /* as on the wire when it was sent; of addresses, ports, protocol and family only */
};

static __always_inline int quote_read_ip(struct __sk_buff *skb, struct rewrite_quote *quote)
{
	struct rewrite_place *place = &quote->place;
	struct ipv6hdr ip6;
	struct iphdr ip;

	if (place->family == 6) {
		if (bpf_skb_load_bytes(skb, place->ip_at, &ip6, sizeof(ip6)) || ip6.version != 6)
			return -1;
		place->proto = ip6.nexthdr;
		place->transport_at = place->ip_at + sizeof(ip6);
		__builtin_memcpy(quote->key.saddr, &ip6.saddr, 16);
		__builtin_memcpy(quote->key.daddr, &ip6.daddr, 16);
		return 0;
	}
	if (bpf_skb_load_bytes(skb, place->ip_at, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5 ||
	    ip.frag_off & bpf_htons(IP_FRAGMENT_OFFSET))
		return -1;
	place->proto = ip.protocol;
	place->transport_at = place->ip_at + ip.ihl * 4;
	address_from_ip4(quote->key.saddr, ip.saddr);
	address_from_ip4(quote->key.daddr, ip.daddr);
	return 0;
}

/* `error`: the message's own place. Negative: it quotes no packet, or too little of one to tell its flow. */
VERIFIED_ALONE int quote_read(struct __sk_buff *skb, const struct rewrite_place *error, struct rewrite_quote *quote)
{
	struct icmphdr first; /* of the transport, of which an error quotes as much at least */

	if (!error || !quote || !proto_is_icmp(error->proto))
		return -1;
	quote->place.family = error->family;
	quote->place.ip_at = error->transport_at + ICMP_HEADER_BYTES;
	quote->place.end = error->end;
	if (quote_read_ip(skb, quote) || quote->place.transport_at + sizeof(first) > quote->place.end ||
	    bpf_skb_load_bytes(skb, quote->place.transport_at, &first, sizeof(first)))
		return -1;
	quote->key.proto = quote->place.proto;
	quote->key.family = error->family;
	if (proto_has_ports(quote->key.proto)) {
		quote->key.sport = *(__be16 *)&first;
		quote->key.dport = *((__be16 *)&first + 1);
		return 0;
	}
	if (!proto_is_icmp(quote->key.proto))
		return 0;
	quote->key.sport = first.un.echo.id;
	return icmp_is_echo(quote->key.proto, first.type) ? 0 : -1;
}

/* How the sum over the quoted transport's header changes with its own checksum, which may not have been quoted. */
static __always_inline __u32 quote_rewrite_checksum(struct __sk_buff *skb, const struct rewrite_quote *quote,
						    const struct rewrite *end, __u32 diff)
{
	__u32 at = quote->place.transport_at + rewrite_checksum_at(quote->key.proto);
	__u32 change = rewrite_word_diff(end->from_port, end->to_port, 0);
	__be16 before, after;

	if (at + 2 > quote->place.end || bpf_skb_load_bytes(skb, at, &before, 2) ||
	    (quote->key.proto == IPPROTO_UDP && !before))
		return diff;
	if (rewrite_has_pseudo_header(quote->key.proto))
		change = bpf_csum_diff((__be32 *)end->from, 16, (__be32 *)end->to, 16, change);
	if (bpf_l4_csum_replace(skb, at, 0, change, 0) || bpf_skb_load_bytes(skb, at, &after, 2))
		return diff;
	return rewrite_word_diff(before, after, diff);
}

/*
 * The quoted packet's one end, its checksums, and the error's own over all of that. IPv4's header has the same sum before
 * and after. 0, or negative, as rewrite_end.
 */
VERIFIED_ALONE int quote_rewrite(struct __sk_buff *skb, const struct rewrite_place *error,
				    const struct rewrite_quote *quote, const struct rewrite *end)
{
	__u32 diff, at;

	if (!error || !quote || !end)
		return -1;
	diff = rewrite_word_diff(end->from_port, end->to_port, 0);
	if (error->family == 6)
		diff = bpf_csum_diff((__be32 *)end->from, 16, (__be32 *)end->to, 16, diff);
	diff = quote_rewrite_checksum(skb, quote, end, diff);
	at = quote->place.transport_at + rewrite_port_at(quote->key.proto, end->source);
	if (bpf_skb_store_bytes(skb, at, &end->to_port, 2, 0) || rewrite_address(skb, &quote->place, end))
		return -1;
	return bpf_l4_csum_replace(skb, error->transport_at + ICMP_CHECKSUM_AT, 0, diff, 0) ? -1 : 0;
}

/* 1: as a router does, the packet has one hop less. 0: it has none left, and is as it was. Negative: as rewrite_end. */
static __always_inline int rewrite_hop(struct __sk_buff *skb, const struct rewrite_place *place)
{
	__u32 at = place->ip_at + (place->family == 6 ? IP6_HOPS_AT : IP4_TTL_AT);
	__u8 hops[2]; /* IPv4: the protocol is the other half of the checksummed word */
	__u16 before, after;

	if (bpf_skb_load_bytes(skb, at, hops, 2))
		return -1;
	if (hops[0] <= 1)
		return 0;
	before = *(__u16 *)hops;
	hops[0]--;
	after = *(__u16 *)hops;
	if (place->family == 4 && bpf_l3_csum_replace(skb, place->ip_at + IP4_CHECKSUM_AT, before, after, 2))
		return -1;
	return bpf_skb_store_bytes(skb, at, hops, 1, 0) ? -1 : 1;
}

#endif
