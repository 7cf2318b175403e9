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

/* What goes on into the host's stack. A pod can't set it: marks don't leave a namespace. */
#define PUNT_FOR_STACK_MARK 0x4d525354 /* "MRST" */

/* The agent has put the packet back by it. */
static __always_inline bool punt_gave(const struct __sk_buff *skb, const struct forwarding *now)
{
	return now->punt && skb->ingress_ifindex == now->punt;
}

/* The agent's device has no link header, and without one the kernel redirects to no neighbour. 0, or no room. */
static __always_inline int punt_put_head(struct __sk_buff *skb)
{
	__be16 ethertype = skb->protocol;

	return bpf_skb_change_head(skb, ETH_HEADER_BYTES, 0) ||
	       bpf_skb_store_bytes(skb, ETH_HEADER_BYTES - 2, &ethertype, 2, 0);
}

/* What came by the uplink, and goes on there. None has it that comes off a wire. */
#define PUNT_FOR_WIRE_MARK 0x4d525357 /* "MRSW" */

static __always_inline int punt_to_wire(struct __sk_buff *skb, __u32 uplink)
{
	skb->mark = PUNT_FOR_WIRE_MARK;
	return bpf_redirect(uplink, BPF_F_INGRESS);
}

static __always_inline bool punt_is_for_wire(struct __sk_buff *skb)
{
	if (skb->mark != PUNT_FOR_WIRE_MARK)
		return false;
	skb->mark = 0;
	bpf_skb_change_type(skb, PACKET_HOST); /* it bears nobody's link address */
	return true;
}

/*
 * To the host's stack as if the pod's link had just brought it: there its source is where it belongs, and both families
 * are at home. A veth pair's own program must let it pass; at a netkit pair's end it meets none. It has a link header already.
 */
static __always_inline int punt_to_stack(struct __sk_buff *skb, __u32 link, bool is_netkit)
{
	if (!is_netkit)
		skb->mark = PUNT_FOR_STACK_MARK;
	return bpf_redirect(link, BPF_F_INGRESS);
}

static __always_inline bool punt_is_for_stack(struct __sk_buff *skb)
{
	if (skb->mark != PUNT_FOR_STACK_MARK)
		return false;
	skb->mark = 0;
	bpf_skb_change_type(skb, PACKET_HOST); /* it bears nobody's link address */
	return true;
}

#endif
