/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * The keys that one run of flow_retire or flow_collect is about, put there by the agent. One agent, one run
 * at a time.
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

#endif
