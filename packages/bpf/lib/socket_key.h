/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * A kernel socket's five-tuple as a flow key seen from its own end, and which namespace and cgroup it
 * belongs to. For tracing programs, which are handed typed kernel pointers.
 */
#ifndef MILLRACE_SOCKET_KEY_H
#define MILLRACE_SOCKET_KEY_H

#include "lib/packet.h"

static __always_inline bool address_is_ip4(const __u8 address[16])
{
	const __u32 *words = (const __u32 *)address;

	return words[0] == 0 && words[1] == 0 && words[2] == bpf_htonl(0xffff);
}

/* false: neither IPv4 nor IPv6. The key must be all zero. */
static __always_inline bool flow_key_from_socket(struct flow_key *key, const struct sock_common *sk, __u8 proto)
{
	__u16 family = BPF_CORE_READ(sk, skc_family);

	if (family == AF_INET) {
		address_from_ip4(key->saddr, BPF_CORE_READ(sk, skc_rcv_saddr));
		address_from_ip4(key->daddr, BPF_CORE_READ(sk, skc_daddr));
	} else if (family == AF_INET6) {
		BPF_CORE_READ_INTO(&key->saddr, sk, skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&key->daddr, sk, skc_v6_daddr);
	} else {
		return false;
	}
	key->family = family == AF_INET || address_is_ip4(key->daddr) ? 4 : 6;
	key->sport = bpf_htons(BPF_CORE_READ(sk, skc_num));
	key->dport = BPF_CORE_READ(sk, skc_dport);
	key->proto = proto;
	return true;
}

static __always_inline __u64 socket_netns_cookie(const struct sock_common *sk)
{
	return BPF_CORE_READ(sk, skc_net.net, net_cookie);
}

static __always_inline __u64 socket_cgroup_id(const struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
}

#endif
