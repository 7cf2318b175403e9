/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Node ports: the same port of every host's own address leads to a service. Under which key `services` has one; what is sent
 * there by a pod of this host is service.h's, what comes by the uplink is nat_return.h's.
 */
#ifndef MILLRACE_NODE_PORT_H
#define MILLRACE_NODE_PORT_H

#include "lib/forwarding.h"
#include "shared/service.h"

static __always_inline bool node_port_is(__be16 port)
{
	__u16 number = bpf_ntohs(port);

	return number >= SERVICE_NODE_PORT_FIRST && number <= SERVICE_NODE_PORT_LAST;
}

/* The address by which others reach this host; what else it has is its own affair. */
static __always_inline bool node_address_is(const __u8 address[16], const struct forwarding *now)
{
	const __u32 *words = (const __u32 *)address;

	if (address_family(address) == 4)
		return now->nat_address4 && words[3] == now->nat_address4;
	return address_equals(address, now->nat_address6);
}

static __always_inline bool node_port_may_be(const __u8 address[16], __be16 port, __u8 proto, const struct forwarding *now)
{
	return now->host_ports & FORWARD_NODE_PORTS && node_port_is(port) &&
	       (proto == IPPROTO_TCP || proto == IPPROTO_UDP) && node_address_is(address, now);
}

/* In place of the host's own address. */
static __always_inline void node_port_address(__u8 to[16], __u8 family, __u8 proto, __be16 port)
{
	const __u8 first[8] = { 0x01, 0, 0, 0, 0, 0, 0x6e, 0x70 };

	__builtin_memcpy(to, first, 8);
	__builtin_memset(to + 8, 0, 8);
	to[11] = family;
	to[13] = proto;
	__builtin_memcpy(to + 14, &port, 2);
}

#endif
