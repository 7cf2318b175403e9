/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * The endpoints the agent observes, and their totals, which are counted apart from any flow. Which flow a
 * packet belongs to is decided elsewhere.
 */
#ifndef MILLRACE_ENDPOINTS_H
#define MILLRACE_ENDPOINTS_H

#include "lib/kernel.h"
#include "shared/endpoint.h"

/* 1,024 interfaces x 456 bytes x CPUs = 0.5 MB per CPU. What is not in it passes uncounted but for one number. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct endpoint_key);
	__type(value, struct endpoint);
} endpoints __weak SEC(".maps");

static __always_inline void counters_add(struct flow_counters *counters, const struct flow_counters *add)
{
	/* Of this CPU alone: hooks run with softirqs off, and never in a hard interrupt. */
	counters->packets += add->packets;
	counters->segments += add->segments;
	counters->bytes += add->bytes;
}

/* since: the kernel's, where it is built with VLAN devices */
struct net_device___vlan {
	void *vlan_info;
} __attribute__((preserve_access_index));

/*
 * A received frame for another link address, which the stack will throw away: not so when this device is a
 * port of a bridge, carries macvlans or VLAN devices with addresses of their own. Then the frame is the
 * container's, or of a machine inside it.
 */
static __always_inline bool endpoint_is_other_host(struct __sk_buff *skb, const struct net_device *dev)
{
	const struct net_device___vlan *tagged = (const void *)dev;

	if (skb->pkt_type != PACKET_OTHERHOST || BPF_CORE_READ(dev, rx_handler))
		return false;
	if (skb->vlan_present && bpf_core_field_exists(tagged->vlan_info))
		return !BPF_CORE_READ(tagged, vlan_info);
	return true;
}

static __always_inline void endpoint_note_all(struct endpoint *endpoint, __u32 notes)
{
	if (!notes)
		return;
	for (__u32 note = 0; note < EP_NOTES; note++)
		if (notes & (1u << note))
			endpoint->notes[note]++;
}

#endif
