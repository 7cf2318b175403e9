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

static __always_inline void endpoint_note_all(struct endpoint *endpoint, __u32 notes)
{
	if (!notes)
		return;
	for (__u32 note = 0; note < EP_NOTES; note++)
		if (notes & (1u << note))
			endpoint->notes[note]++;
}

#endif
