/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * The keys that one run of flow_retire or flow_collect is about, put there by the agent; and the flows that one run of
 * flow_scan or flow_collect hands out, or of flow_carry takes in. One agent, one run at a time.
 */
#ifndef MILLRACE_FLOW_BATCH_H
#define MILLRACE_FLOW_BATCH_H

#include "lib/kernel.h"
#include "shared/flow.h"

/* One element: 45 KB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_retire_batch);
} retire_batch __weak SEC(".maps");

#define FLOW_CHANGES 256

/* 256 x 16,128 B = 4.1 MB: 16,384 flows a run. When there are more, it is run again. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOW_CHANGES);
	__type(key, __u32);
	__type(value, struct flow_chunk);
} flow_changes __weak SEC(".maps");

#endif
