/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * What differs between the two kinds of a pod's link. At a veth pair's host end a pod's packet has arrived. A netkit pair's
 * program has it while the pod still sends it: the device is the host's end already, but from there the kernel puts nothing
 * straight into another device's peer. Such a packet leaves by the receiver's host end, where pod_ingress meets it once more.
 */
#ifndef MILLRACE_POD_LINK_H
#define MILLRACE_POD_LINK_H

#include "lib/endpoints.h"
#include "lib/kernel_skb.h"
#include "lib/observe_config.h"

static __always_inline bool link_is_netkit(const struct endpoint *endpoint)
{
	return observe_config.netkit && endpoint->link == EP_LINK_NETKIT;
}

/* The same of the link whose host's end has this index, in the namespace where the packet is. */
static __always_inline bool link_at_is_netkit(struct __sk_buff *skb, __u32 ifindex)
{
	const struct endpoint *endpoint;

	if (!observe_config.netkit)
		return false;
	endpoint = endpoint_at(device_netns_cookie(kernel_device(skb)), ifindex);
	return endpoint && link_is_netkit(endpoint);
}

/*
 * The receiver's side is done. No pod can set it, since marks don't leave a namespace; but one in the host's own, and any
 * other process there, whose packets are told by their socket.
 */
#define LINK_DONE_MARK 0x4d52444e /* "MRDN" */

static __always_inline bool link_is_hosts_own(struct __sk_buff *skb)
{
	struct sk_buff *kernel = kernel_skb(skb);
	const struct sock *sk = KERNEL_READ(kernel, sk);
	const struct net *net = sk ? BPF_CORE_READ(sk, __sk_common.skc_net.net) : NULL;

	/* What the agent puts back bears the socket of its device, and has come by that. */
	return net && !skb->ingress_ifindex && BPF_CORE_READ(net, net_cookie) == device_netns_cookie(KERNEL_READ(kernel, dev));
}

/* Out of a link's host end, into the pod. A veth pair's pod takes only what bears its link address, which the host's neighbours tell. */
static __always_inline int link_send_done(struct __sk_buff *skb, __u32 ifindex, bool netkit)
{
	skb->mark = LINK_DONE_MARK;
	return netkit ? bpf_redirect(ifindex, 0) : bpf_redirect_neigh(ifindex, NULL, 0, 0);
}

static __always_inline bool link_takes_done(struct __sk_buff *skb)
{
	if (!observe_config.netkit || skb->mark != LINK_DONE_MARK)
		return false;
	skb->mark = 0;
	return !link_is_hosts_own(skb);
}

#define LINK_NOWHERE 0 /* no device's index */

/*
 * A dropped packet was sent all the same, as by a veth pair: its interface counts it, and the sender isn't told. netkit's own
 * "drop" is the interface's refusal.
 */
static __always_inline int link_answer_sender(int answer)
{
	return answer == TCX_DROP_PACKET ? bpf_redirect(LINK_NOWHERE, 0) : answer;
}

#endif
