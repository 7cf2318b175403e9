/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * One TCP socket as the `tcp_sockets` iterator writes it: what the kernel knows of connections, those
 * opened before the observer came included. Not a flow record: the agent merges it into one.
 */
#ifndef MILLRACE_SOCKET_H
#define MILLRACE_SOCKET_H

#include "abi.h"
#include "flow.h"

struct socket_sample {
	struct flow_key key; /* saddr is the local end; endpoint_id and vlan 0 */
	__u32 state;         /* the kernel's TCP_ESTABLISHED .. TCP_CLOSING */
	__u64 netns_cookie;
	__u64 cgroup_id;
	__u64 bytes_acked;
	__u64 bytes_received;
	__u32 rtt_us;
	__u32 rtt_min_us;
	__u32 retransmits;
	__u32 _pad0;
};
ABI_SIZE(struct socket_sample, 96);

#endif
