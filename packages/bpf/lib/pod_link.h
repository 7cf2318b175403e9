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
	struct endpoint_key at = { .ifindex = ifindex };
	const struct endpoint *endpoint;

	if (!observe_config.netkit)
		return false;
	at.netns_cookie = device_netns_cookie(kernel_device(skb));
	endpoint = bpf_map_lookup_elem(&endpoints, &at);
	return endpoint && link_is_netkit(endpoint);
}

/* The receiver's side is done. No pod can set it: marks don't leave a namespace, nor enter one. */
#define LINK_DONE_MARK 0x4d52444e /* "MRDN" */

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
	return true;
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
