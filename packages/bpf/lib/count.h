/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/* The observer's counts about itself; see shared/observer.h. Endpoints' own counters are in endpoints.h. */
#ifndef MILLRACE_COUNT_H
#define MILLRACE_COUNT_H

#include "lib/kernel.h"
#include "shared/observer.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, OBSERVER_COUNTS);
	__type(key, __u32);
	__type(value, __u64);
} observer_counts __weak SEC(".maps");

static __always_inline void count(enum observer_count what)
{
	__u32 index = what;
	__u64 *counter = bpf_map_lookup_elem(&observer_counts, &index);

	if (counter)
		__sync_fetch_and_add(counter, 1); /* a trace program may run inside another on this CPU */
}

#endif
