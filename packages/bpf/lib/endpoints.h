/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * The endpoints the agent observes, and their totals, which are counted apart from any flow. Which flow a
 * packet belongs to is decided elsewhere.
 */
#ifndef MILLRACE_ENDPOINTS_H
#define MILLRACE_ENDPOINTS_H

#include "lib/kernel.h"
#include "shared/endpoint.h"

/* 1,024 interfaces x 472 bytes x CPUs = 0.5 MB per CPU. What is not in it passes uncounted but for one number. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EP_SLOTS);
	__type(key, __u32);
	__type(value, struct endpoint);
} endpoints __weak SEC(".maps");

/* The slot of whoever is at a place. The agent alone writes it, after the slot itself. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, EP_SLOTS);
	__type(key, struct endpoint_key);
	__type(value, __u32);
} endpoint_slots __weak SEC(".maps");

/*
 * Where the last one was found whose place has the same low bits: a guess, which costs a fifth of the look-up. The slot
 * itself says who is in it. Of one host's links the index differs, of a container's own interfaces the namespace.
 */
#define ENDPOINT_GUESSES 4096
static volatile __u32 endpoint_guesses[ENDPOINT_GUESSES];

static __always_inline struct endpoint *endpoint_in(__u32 slot, __u64 netns_cookie, __u32 ifindex)
{
	struct endpoint *endpoint = bpf_map_lookup_elem(&endpoints, &slot);

	return endpoint && endpoint->at.ifindex == ifindex && endpoint->at.netns_cookie == netns_cookie ? endpoint : NULL;
}

static __noinline struct endpoint *endpoint_find(__u64 netns_cookie, __u32 ifindex, __u32 guess)
{
	struct endpoint_key at = { .netns_cookie = netns_cookie, .ifindex = ifindex };
	const __u32 *slot = bpf_map_lookup_elem(&endpoint_slots, &at);

	if (!slot)
		return NULL;
	endpoint_guesses[guess & (ENDPOINT_GUESSES - 1)] = *slot;
	return endpoint_in(*slot, netns_cookie, ifindex);
}

/* NULL: it is nobody's place. */
static __always_inline struct endpoint *endpoint_at(__u64 netns_cookie, __u32 ifindex)
{
	__u32 guess = ((__u32)netns_cookie + ifindex) & (ENDPOINT_GUESSES - 1);
	struct endpoint *endpoint = endpoint_in(endpoint_guesses[guess], netns_cookie, ifindex);

	return endpoint ? endpoint : endpoint_find(netns_cookie, ifindex, guess);
}

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
