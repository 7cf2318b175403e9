/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * What a packet adds to the counters: as the interface will count it. An interface that segments in
 * hardware counts the large buffer; for one that doesn't, the kernel cuts the buffer up between our hook and
 * the device, which then counts pieces, each with headers of its own.
 */
#ifndef MILLRACE_SEGMENTS_H
#define MILLRACE_SEGMENTS_H

#include "lib/kernel_skb.h"
#include "shared/flow.h"

/*
 * As the kernel's netif_needs_gso decides a moment later, but for what no stack of ours produces: a buffer
 * beyond the device's own segment limit, and checksums that only some devices can finish.
 */
static __always_inline bool segments_before_device(struct sk_buff *skb, struct net_device *dev)
{
	unsigned char *end = KERNEL_READ(skb, head) + KERNEL_READ(skb, end);
	__u64 needed = (__u64)(__u32)BPF_CORE_READ((struct skb_shared_info *)end, gso_type) << NETIF_F_GSO_SHIFT;
	__u64 offered = KERNEL_READ(dev, features);

	if (KERNEL_READ(skb, vlan_proto))
		offered &= KERNEL_READ(dev, vlan_features);
	if (BPF_CORE_READ_BITFIELD_PROBED(skb, encapsulation))
		offered &= KERNEL_READ(dev, hw_enc_features);
	return (offered & needed) != needed;
}

/* At ingress the buffer is what the device handed over, unless it merged pieces itself (GRO). */
static __always_inline void counters_of_packet(struct flow_counters *counters, struct __sk_buff *skb,
					       struct net_device *dev, __u32 direction)
{
	__u32 segments = skb->gso_segs;

	counters->packets = 1;
	counters->segments = 1;
	counters->bytes = skb->len;
	if (segments < 2)
		return;
	counters->segments = segments;
	if (direction != FLOW_EGRESS || !segments_before_device(kernel_skb(skb), dev))
		return;
	counters->packets = segments;
	counters->bytes = skb->wire_len; /* with the headers of every piece */
}

#endif
