/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Which flow an ICMP error is about, by the packet it quotes. Whether there is such a flow, and what becomes of the
 * error, is decided elsewhere.
 */
#ifndef MILLRACE_ICMP_ERROR_H
#define MILLRACE_ICMP_ERROR_H

#include "lib/parse.h"

#define ICMP_ECHO_IDENTIFIER_AT 4

/* Addresses and protocol of the quoted IP header at `at`; where its transport begins, or 0. */
static __always_inline __u32 quoted_ip(struct __sk_buff *skb, __u32 at, struct flow_key *quoted)
{
	if (quoted->family == 4) {
		struct iphdr ip;

		if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
			return 0;
		address_from_ip4(quoted->saddr, ip.saddr);
		address_from_ip4(quoted->daddr, ip.daddr);
		quoted->proto = ip.protocol;
		return ip.frag_off & bpf_htons(IP_FRAGMENT_OFFSET) ? 0 : at + ip.ihl * 4;
	}
	struct ipv6hdr ip;

	if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || ip.version != 6)
		return 0;
	__builtin_memcpy(quoted->saddr, &ip.saddr, 16);
	__builtin_memcpy(quoted->daddr, &ip.daddr, 16);
	quoted->proto = ip.nexthdr;
	return at + sizeof(ip);
}

/*
 * As the sender of the quoted packet has the flow's key; vlan and endpoint_id are those of `packet`. false: it quotes
 * too little, or what has no ports and no identifier.
 */
static __noinline bool icmp_error_quotes(struct __sk_buff *skb, const struct packet *packet, __u32 ip_at,
					 struct flow_key *quoted)
{
	__be16 ports[2];
	__u32 at;

	if (!packet || !quoted || packet->header_bytes < ICMP_QUOTE_BYTES)
		return false;
	quoted->family = packet->key.family;
	quoted->vlan = packet->key.vlan;
	quoted->endpoint_id = packet->key.endpoint_id;
	at = quoted_ip(skb, ip_at + packet->header_bytes - ICMP_QUOTE_BYTES, quoted);
	if (!at)
		return false;
	if (proto_is_icmp(quoted->proto))
		return !bpf_skb_load_bytes(skb, at + ICMP_ECHO_IDENTIFIER_AT, &quoted->sport, 2);
	if (bpf_skb_load_bytes(skb, at, ports, sizeof(ports)))
		return false;
	quoted->sport = ports[0];
	quoted->dport = ports[1];
	return true;
}

#endif
