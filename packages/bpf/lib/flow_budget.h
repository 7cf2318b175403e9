/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * How many entries of the flow table each endpoint holds, so that one that opens flows without end leaves room for the
 * others'. Whoever makes an entry takes a place first, whoever deletes one gives it back: programs both, which no signal
 * ends half-way, so that the numbers are right whatever becomes of the agent.
 */
#ifndef MILLRACE_FLOW_BUDGET_H
#define MILLRACE_FLOW_BUDGET_H

#include "lib/kernel.h"
#include "shared/endpoint.h"

/*
 * 2,048 x (4 key + 4 value + 48 of the kernel's) = 112 KB: twice as many as there are endpoints, since one that has gone
 * keeps its entry until its flows are told. Full: packets of new flows of an endpoint without one count as EP_TABLE_FULL.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2048);
	__type(key, __u32);
	__type(value, struct flow_holder);
} flow_holders __weak SEC(".maps");

/* NULL when there is no room for it. */
static __always_inline struct flow_holder *flow_holder_of(__u32 endpoint_id)
{
	struct flow_holder *holder = bpf_map_lookup_elem(&flow_holders, &endpoint_id);
	struct flow_holder nothing = {};

	if (holder)
		return holder;
	bpf_map_update_elem(&flow_holders, &endpoint_id, &nothing, BPF_NOEXIST);
	return bpf_map_lookup_elem(&flow_holders, &endpoint_id);
}

/* race: of several that ask for the last place at once all may be refused; none is given twice. */
static __always_inline bool flow_place_take(struct flow_holder *holder, __u32 budget)
{
	if ((__s32)__sync_fetch_and_add(&holder->flows, 1) < (__s32)budget || !budget)
		return true;
	__sync_fetch_and_sub(&holder->flows, 1);
	return false;
}

static __always_inline void flow_place_give_back(struct flow_holder *holder)
{
	__sync_fetch_and_sub(&holder->flows, 1);
}

#endif
