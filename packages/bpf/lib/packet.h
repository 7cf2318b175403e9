/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * What parsing finds out about one packet, and the flow it belongs to seen from its endpoint. No reading
 * of packets here: parse.h does that.
 */
#ifndef MILLRACE_PACKET_H
#define MILLRACE_PACKET_H

#include "lib/kernel.h"
#include "shared/endpoint.h"
#include "shared/flow.h"

struct packet {
	struct flow_key key;   /* as on the wire: saddr is the sender; endpoint_id is the caller's */
	__u32 notes;           /* bits by endpoint_note */
	__u32 tcp_seq;
	__u32 tcp_ack;
	__u32 fragment_id;
	__u16 fragment_offset; /* in 8-byte units */
	__u16 header_bytes;    /* from IP to the end of the transport's header; 0 when there is no telling */
	__u16 ip_at;           /* offset of the IP header */
	__u16 transport_at;    /* of what follows it and its extensions */
	__u32 ip_end;          /* after the last byte that IP says there is */
	bool fragment_first;   /* offset 0, and more follow */
	bool icmp_echo_reply;
	__u8 tcp_flags;
};

static __always_inline void packet_note(struct packet *packet, enum endpoint_note note)
{
	packet->notes |= 1u << note;
}

static __always_inline bool proto_is_icmp(__u8 proto)
{
	return proto == IPPROTO_ICMP || proto == NEXTHDR_ICMP6;
}

static __always_inline bool proto_has_ports(__u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_DCCP;
}

#define ICMP_ECHO_REPLY 0
#define ICMP_UNREACHABLE 3
#define ICMP_ECHO_REQUEST 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER_PROBLEM 12
#define ICMP6_ERROR_FIRST 1 /* unreachable, too big, time exceeded, parameter problem */
#define ICMP6_ERROR_LAST 4
#define ICMP6_ECHO_REQUEST 128
#define ICMP6_ECHO_REPLY 129

static __always_inline bool icmp_is_echo(__u8 proto, __u8 type)
{
	if (proto == NEXTHDR_ICMP6)
		return type == ICMP6_ECHO_REQUEST || type == ICMP6_ECHO_REPLY;
	return proto == IPPROTO_ICMP && (type == ICMP_ECHO_REQUEST || type == ICMP_ECHO_REPLY);
}

/* Of those that are about another packet, and quote it. */
static __always_inline bool icmp_type_is_error(__u8 proto, __u8 type)
{
	if (proto == NEXTHDR_ICMP6)
		return type >= ICMP6_ERROR_FIRST && type <= ICMP6_ERROR_LAST;
	return proto == IPPROTO_ICMP &&
	       (type == ICMP_UNREACHABLE || type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETER_PROBLEM);
}

/* As flow keys have it: type << 8 | code in `dport`. */
static __always_inline bool flow_is_icmp_error(const struct flow_key *key)
{
	return icmp_type_is_error(key->proto, bpf_ntohs(key->dport) >> 8);
}

static __always_inline void address_from_ip4(__u8 address[16], __be32 ip4)
{
	__u32 *words = (__u32 *)address;

	words[0] = 0;
	words[1] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = ip4;
}

/* An IPv6 packet may bear an IPv4 address, which is nobody's there. */
static __always_inline __u8 address_family(const __u8 address[16])
{
	const __u32 *words = (const __u32 *)address;

	return !words[0] && !words[1] && words[2] == bpf_htonl(0xffff) ? 4 : 6;
}

static __always_inline bool address_is_link_local(const __u8 address[16])
{
	return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

static __always_inline bool address_equals(const __u8 a[16], const __u8 b[16])
{
	const __u32 *x = (const __u32 *)a, *y = (const __u32 *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2] && x[3] == y[3];
}

/* verifier: by words, of which fewer stand on the stack at a time than of an unaligned copy's bytes. */
static __always_inline void address_copy(__u8 to[16], const __u8 from[16])
{
	__u32 *x = (__u32 *)to;
	const __u32 *y = (const __u32 *)from;

	x[0] = y[0];
	x[1] = y[1];
	x[2] = y[2];
	x[3] = y[3];
}

static __always_inline void flow_reverse(struct flow_key *to, const struct flow_key *from)
{
	__builtin_memcpy(to->saddr, from->daddr, 16);
	__builtin_memcpy(to->daddr, from->saddr, 16);
	/* An ICMP identifier belongs to both directions alike. */
	to->sport = proto_is_icmp(from->proto) ? from->sport : from->dport;
	to->dport = proto_is_icmp(from->proto) ? from->dport : from->sport;
	to->proto = from->proto;
	to->family = from->family;
	to->vlan = from->vlan;
	to->endpoint_id = from->endpoint_id;
}

#endif
