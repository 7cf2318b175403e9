/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * From the bytes of a packet to struct packet: link header, VLAN tags, IPv4 with options, IPv6 with
 * extension headers, and the first bytes of the transport. The includer has chosen load_skb.h or
 * load_memory.h before. Nothing here knows maps; fragments are matched by fragment.h.
 */
#ifndef MILLRACE_PARSE_H
#define MILLRACE_PARSE_H

#include "lib/packet.h"

#define PARSE_VLAN_TAGS 2
#define PARSE_EXTENSION_HEADERS 8

struct vlan_tag {
	__be16 tci;
	__be16 ethertype;
};

/* The transport of a packet: what it is, where it starts, where IP says it ends. */
/* What an ICMP error quotes: the headers of the packet it is about, IPv6's and 8 bytes of its transport's. */
#define ICMP_QUOTE_BYTES 48

struct transport {
	__u32 at;
	__u32 end;
	__u32 header_bytes; /* of its own header */
};

static __always_inline void packet_take_vlan(struct packet *packet, __u16 tci)
{
	if (!(packet->notes & (1u << EP_NOTE_VLAN)))
		packet->key.vlan = tci & 0xfff; /* the outermost tag names the flow */
	packet_note(packet, EP_NOTE_VLAN);
}

/* Moves *at from the link header to what it carries; -EP_NOT_IP when that isn't IP. */
static __always_inline int parse_ethernet(const struct packet_source *source, struct packet *packet, __u32 *at)
{
	__be16 ethertype;

	if (packet_load_front(source, *at + ETH_HEADER_BYTES - 2, &ethertype, 2))
		return -EP_NOT_IP;
	*at += ETH_HEADER_BYTES;
	for (int i = 0; i < PARSE_VLAN_TAGS; i++) {
		struct vlan_tag tag;

		if (ethertype != bpf_htons(ETH_P_8021Q) && ethertype != bpf_htons(ETH_P_8021AD))
			break;
		if (packet_load_front(source, *at, &tag, sizeof(tag)))
			return -EP_NOT_IP;
		packet_take_vlan(packet, bpf_ntohs(tag.tci));
		ethertype = tag.ethertype;
		*at += sizeof(tag);
	}
	if (ethertype == bpf_htons(ETH_P_IP))
		packet->key.family = 4;
	else if (ethertype == bpf_htons(ETH_P_IPV6))
		packet->key.family = 6;
	else
		return -EP_NOT_IP;
	return 0;
}

static __always_inline void packet_take_fragment(struct packet *packet, __u32 id, __u16 offset, bool more)
{
	if (!offset && !more)
		return;
	packet_note(packet, EP_NOTE_FRAGMENT);
	packet->fragment_id = id;
	packet->fragment_offset = offset;
	packet->fragment_first = offset == 0;
}

static __always_inline int parse_ip4(const struct packet_source *source, struct packet *packet, __u32 at,
				     struct transport *transport)
{
	struct iphdr ip;

	if (packet_load_front(source, at, &ip, sizeof(ip)))
		return -EP_TRUNCATED;

	__u32 header_bytes = ip.ihl * 4;
	__u32 total_bytes = bpf_ntohs(ip.tot_len);
	__u16 fragment = bpf_ntohs(ip.frag_off);

	if (total_bytes == 0 && source->offloaded)
		total_bytes = source->end - at;
	if (ip.version != 4 || header_bytes < sizeof(ip) || total_bytes < header_bytes ||
	    total_bytes > source->end - at)
		return -EP_TRUNCATED;

	address_from_ip4(packet->key.saddr, ip.saddr);
	address_from_ip4(packet->key.daddr, ip.daddr);
	packet->key.proto = ip.protocol;
	packet_take_fragment(packet, bpf_ntohs(ip.id), fragment & IP_FRAGMENT_OFFSET,
			     fragment & IP_MORE_FRAGMENTS);
	transport->at = at + header_bytes;
	transport->end = at + total_bytes;
	return 0;
}

static __always_inline bool ip6_extension(__u8 next)
{
	return next == NEXTHDR_HOP || next == NEXTHDR_ROUTING || next == NEXTHDR_DEST ||
	       next == NEXTHDR_FRAGMENT || next == NEXTHDR_AUTH;
}

/*
 * Leaves proto at the first header that isn't an extension, or at the one that could not be walked.
 * Positive: there is no transport to look at, the note says why.
 */
static __always_inline int parse_ip6_extensions(const struct packet_source *source, struct packet *packet,
						struct transport *transport)
{
	for (int i = 0; i < PARSE_EXTENSION_HEADERS; i++) {
		struct frag_hdr header; /* every extension header has 8 bytes, begins with the next one's type */

		if (!ip6_extension(packet->key.proto))
			return 0;
		packet_note(packet, EP_NOTE_EXTENSION_HEADER);
		if (transport->at + sizeof(header) > transport->end ||
		    packet_load(source, transport->at, &header, sizeof(header))) {
			packet_note(packet, EP_NOTE_L4_TRUNCATED);
			return 1;
		}
		if (packet->key.proto == NEXTHDR_FRAGMENT) {
			__u16 offset = bpf_ntohs(header.frag_off);

			packet_take_fragment(packet, bpf_ntohl(header.identification), offset >> 3, offset & 1);
			transport->at += sizeof(header);
		} else if (packet->key.proto == NEXTHDR_AUTH) {
			transport->at += (header.reserved + 2) * 4; /* the length byte of the others */
		} else {
			transport->at += (header.reserved + 1) * 8;
		}
		packet->key.proto = header.nexthdr;
		if (packet->fragment_offset)
			return 0; /* what follows is the middle of something */
	}
	if (!ip6_extension(packet->key.proto))
		return 0;
	packet_note(packet, EP_NOTE_EXTENSION_LIMIT);
	return 1;
}

static __always_inline int parse_ip6(const struct packet_source *source, struct packet *packet, __u32 at,
				     struct transport *transport)
{
	struct ipv6hdr ip;

	if (packet_load_front(source, at, &ip, sizeof(ip)))
		return -EP_TRUNCATED;

	__u32 payload_bytes = bpf_ntohs(ip.payload_len);
	__u32 there = source->end - at - sizeof(ip);

	/* 0 stands for more than 64 KB: a jumbogram, or one that is segmented later */
	if (payload_bytes == 0 && (source->offloaded || ip.nexthdr == NEXTHDR_HOP))
		payload_bytes = there;
	if (ip.version != 6 || payload_bytes > there)
		return -EP_TRUNCATED;

	__builtin_memcpy(packet->key.saddr, &ip.saddr, 16);
	__builtin_memcpy(packet->key.daddr, &ip.daddr, 16);
	packet->key.proto = ip.nexthdr;
	transport->at = at + sizeof(ip);
	transport->end = transport->at + payload_bytes;
	return parse_ip6_extensions(source, packet, transport);
}

static __always_inline int parse_tcp(const struct packet_source *source, struct packet *packet,
				     struct transport *transport)
{
	struct tcphdr tcp;

	if (packet_load(source, transport->at, &tcp, sizeof(tcp)))
		return -1;
	transport->header_bytes = tcp.doff * 4;
	packet->key.sport = tcp.source;
	packet->key.dport = tcp.dest;
	packet->tcp_seq = bpf_ntohl(tcp.seq);
	packet->tcp_ack = bpf_ntohl(tcp.ack_seq);
	packet->tcp_flags = ((__u8 *)&tcp)[13];
	return 0;
}

static __always_inline int parse_icmp(const struct packet_source *source, struct packet *packet,
				      struct transport *transport)
{
	struct icmphdr icmp; /* ICMPv6 has type, code and identifier at the same places */

	if (packet_load(source, transport->at, &icmp, sizeof(icmp)))
		return -1;
	transport->header_bytes = sizeof(icmp);

	bool v6 = packet->key.proto == NEXTHDR_ICMP6;
	bool reply = icmp.type == (v6 ? 129 : 0);

	if (reply || icmp.type == (v6 ? 128 : 8)) {
		packet->key.sport = icmp.un.echo.id;
		packet->icmp_echo_reply = reply;
	} else {
		transport->header_bytes += ICMP_QUOTE_BYTES;
		packet->key.dport = bpf_htons(icmp.type << 8 | icmp.code);
	}
	return 0;
}

static __always_inline int parse_ports(const struct packet_source *source, struct packet *packet,
				       struct transport *transport)
{
	__be16 ports[2];

	if (packet_load(source, transport->at, ports, sizeof(ports)))
		return -1;
	transport->header_bytes = sizeof(struct udphdr);
	packet->key.sport = ports[0];
	packet->key.dport = ports[1];
	return 0;
}

/* Ports, or what stands for them; a transport that ends too early leaves them 0 and a note. */
static __always_inline void parse_transport(const struct packet_source *source, struct packet *packet,
					    struct transport *transport)
{
	__u32 bytes = transport->end - transport->at;
	bool short_one = transport->at > transport->end;
	int bad = 0;

	switch (packet->key.proto) {
	case IPPROTO_TCP:
		bad = short_one || bytes < sizeof(struct tcphdr) || parse_tcp(source, packet, transport);
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		bad = short_one || bytes < sizeof(struct udphdr) || parse_ports(source, packet, transport);
		break;
	case IPPROTO_ICMP:
	case NEXTHDR_ICMP6:
		bad = short_one || bytes < sizeof(struct icmphdr) || parse_icmp(source, packet, transport);
		break;
	}
	if (bad)
		packet_note(packet, EP_NOTE_L4_TRUNCATED);
}

/* Needs key.family and the offset of the IP header. 0, or -EP_TRUNCATED. */
static __always_inline int parse_ip(const struct packet_source *source, struct packet *packet, __u32 at)
{
	struct transport transport = {};
	int result = packet->key.family == 4 ? parse_ip4(source, packet, at, &transport)
					     : parse_ip6(source, packet, at, &transport);

	if (result < 0)
		return result;
	if (result == 0 && packet->fragment_offset == 0)
		parse_transport(source, packet, &transport);
	packet->header_bytes = transport.at + transport.header_bytes - at;
	packet->ip_at = at;
	packet->transport_at = transport.at;
	packet->ip_end = transport.end;
	return 0;
}

#endif
