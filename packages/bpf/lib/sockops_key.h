/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/* The five-tuple of the socket that a sockops program is called for, as a flow key seen from its own end. */
#ifndef MILLRACE_SOCKOPS_KEY_H
#define MILLRACE_SOCKOPS_KEY_H

#include "lib/socket_key.h"

/* The key must be all zero. */
static __always_inline void flow_key_from_sockops(struct flow_key *key, struct bpf_sock_ops *ops)
{
	if (ops->family == AF_INET6) {
		__u32 *saddr = (__u32 *)key->saddr, *daddr = (__u32 *)key->daddr;

		saddr[0] = ops->local_ip6[0];
		saddr[1] = ops->local_ip6[1];
		saddr[2] = ops->local_ip6[2];
		saddr[3] = ops->local_ip6[3];
		daddr[0] = ops->remote_ip6[0];
		daddr[1] = ops->remote_ip6[1];
		daddr[2] = ops->remote_ip6[2];
		daddr[3] = ops->remote_ip6[3];
		key->family = address_is_ip4(key->daddr) ? 4 : 6;
	} else {
		address_from_ip4(key->saddr, ops->local_ip4);
		address_from_ip4(key->daddr, ops->remote_ip4);
		key->family = 4;
	}
	key->sport = bpf_htons(ops->local_port);
	key->dport = bpf_htons(bpf_ntohl(ops->remote_port));
	key->proto = IPPROTO_TCP;
}

#endif
