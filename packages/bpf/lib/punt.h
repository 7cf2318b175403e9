/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * The device by which the agent gets what it must be asked about, and gives it back. It is gone with the agent, and its
 * number stays: so it is looked for each time.
 */
#ifndef MILLRACE_PUNT_H
#define MILLRACE_PUNT_H

#include "lib/kernel.h"
#include "shared/forward.h"

/* Never too large: the device takes 64 KB. */
static __always_inline bool punt_is_there(struct __sk_buff *skb, const struct forwarding *now)
{
	__u32 mtu = 0;

	return now->punt && bpf_check_mtu(skb, now->punt, &mtu, 0, 0) >= 0;
}

/* The agent has put the packet back by it. */
static __always_inline bool punt_gave(const struct __sk_buff *skb, const struct forwarding *now)
{
	return now->punt && skb->ingress_ifindex == now->punt;
}

#endif
