/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * The network namespaces the agent looks after, by cookie, and the flows of their endpoints. Several agents
 * may share a kernel: whatever sees every namespace asks here first, and leaves the others alone.
 */
#ifndef MILLRACE_NAMESPACES_H
#define MILLRACE_NAMESPACES_H

#include "lib/flows.h"

/* 1,024 namespaces x 40 bytes; a namespace that is not in it belongs to somebody else. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct netns_info);
} netns __weak SEC(".maps");

static __always_inline struct netns_info *netns_lookup(__u64 cookie)
{
	return bpf_map_lookup_elem(&netns, &cookie);
}

/* Tries each endpoint of the namespace; leaves its id in the key when there is such a flow. */
static __noinline struct flow_record *netns_flow_lookup(const struct netns_info *info, struct flow_key *key)
{
	if (!info || !key)
		return NULL;
	for (__u32 i = 0; i < NETNS_ENDPOINTS; i++) {
		struct flow_record *record;

		if (i >= info->endpoint_count)
			break;
		key->endpoint_id = info->endpoint_ids[i];
		record = flow_lookup_live(key);
		if (record)
			return record;
	}
	key->endpoint_id = 0;
	return NULL;
}

#endif
