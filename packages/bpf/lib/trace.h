/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * What every trace session shares: its maps, its filter, its lease and its rate. The lease and the rate hold
 * here, in the kernel, even when the agent hangs. What is traced is in src/trace_*.bpf.c.
 */
#ifndef MILLRACE_TRACE_LIB_H
#define MILLRACE_TRACE_LIB_H

#include "lib/kernel.h"
#include "shared/endpoint.h"
#include "shared/trace.h"

#define NS_PER_SECOND 1000000000ULL
#define TRACE_SWAP_ATTEMPTS 8

const volatile struct trace_config trace_config = {};

/* Namespaces the session may look into; the value is enum netns_kind. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u32);
} trace_netns SEC(".maps");

/* 512 KB: 1,000 drop events. Full: counted as ring_full. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 19);
} trace_events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct trace_stats);
} trace_stats SEC(".maps");

/* The token bucket as one time: when the tokens spent so far will have come in again. */
static volatile __u64 trace_paid_until_ns;

static __always_inline struct trace_stats *trace_stats_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&trace_stats, &zero);
}

static __always_inline bool trace_lease_is_over(__u64 now)
{
	struct trace_stats *stats;

	if (now < trace_config.lease_ends_ns)
		return false;
	stats = trace_stats_here();
	if (stats)
		stats->after_lease++;
	return true;
}

/*
 * One second's worth of events at once, then rate_eps a second. No lock: tracing programs may not hold one.
 * race: after TRACE_SWAP_ATTEMPTS lost swaps the event counts as over the rate; the rate is never exceeded.
 */
static __always_inline bool trace_rate_allows(__u64 now)
{
	__u64 cost = NS_PER_SECOND / (trace_config.rate_eps ?: 1);

	for (int i = 0; i < TRACE_SWAP_ATTEMPTS; i++) {
		__u64 paid = trace_paid_until_ns;
		__u64 from = paid > now ? paid : now;

		if (from + cost > now + NS_PER_SECOND)
			return false;
		if (__sync_val_compare_and_swap(&trace_paid_until_ns, paid, from + cost) == paid)
			return true;
	}
	return false;
}

static __always_inline bool trace_addresses_equal(const __u8 a[16], const volatile __u8 b[16])
{
	const __u32 *x = (const __u32 *)a;
	const volatile __u32 *y = (const volatile __u32 *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2] && x[3] == y[3];
}

/*
 * A socket that begins to connect has port 0 yet: it may become the wanted one. That is only believed when
 * the filter names the other end's port as well, which then must fit.
 */
static __always_inline bool trace_port_matches(__be16 port, __be16 wanted, __be16 others_wanted)
{
	return !wanted || port == wanted || (!port && others_wanted);
}

static __always_inline bool trace_ends_match(const __u8 a[16], __be16 port_a, const __u8 b[16], __be16 port_b)
{
	const volatile struct trace_filter *filter = &trace_config.filter;

	return (!filter->match_addr_a || trace_addresses_equal(a, filter->addr_a)) &&
	       (!filter->match_addr_b || trace_addresses_equal(b, filter->addr_b)) &&
	       trace_port_matches(port_a, filter->port_a, filter->port_b) &&
	       trace_port_matches(port_b, filter->port_b, filter->port_a);
}

/* A flow that is all zero (no IP header was found) matches only a filter without a tuple. */
static __always_inline bool trace_flow_matches(const struct flow_key *flow)
{
	const volatile struct trace_filter *filter = &trace_config.filter;

	if (!flow->family)
		return !filter->proto && !filter->match_addr_a && !filter->match_addr_b && !filter->port_a &&
		       !filter->port_b;
	if (filter->proto && filter->proto != flow->proto)
		return false;
	return trace_ends_match(flow->saddr, flow->sport, flow->daddr, flow->dport) ||
	       trace_ends_match(flow->daddr, flow->dport, flow->saddr, flow->sport);
}

/* enum netns_kind of a namespace this session may look into; negative: it may not. */
static __always_inline int trace_netns_kind(__u64 cookie)
{
	__u32 *kind;

	if (trace_config.filter.netns_cookie && trace_config.filter.netns_cookie != cookie)
		return -1;
	kind = bpf_map_lookup_elem(&trace_netns, &cookie);
	return kind ? (int)*kind : -1;
}

static __always_inline bool trace_cgroup_matches(__u64 cgroup_id)
{
	return !trace_config.filter.cgroup_id || !cgroup_id || trace_config.filter.cgroup_id == cgroup_id;
}

/* For an event that passed the filter: may it be sent? Counts it either way. */
static __always_inline bool trace_take(__u64 now)
{
	struct trace_stats *stats = trace_stats_here();

	if (!stats)
		return false;
	stats->seen++;
	if (trace_rate_allows(now))
		return true;
	stats->over_rate++;
	return false;
}

static __always_inline void trace_count_sent(bool sent)
{
	struct trace_stats *stats = trace_stats_here();

	if (!stats)
		return;
	if (sent)
		stats->emitted++;
	else
		stats->ring_full++;
}

static __always_inline void trace_header_begin(struct trace_event_header *header, __u64 now)
{
	__builtin_memset(header, 0, sizeof(*header));
	header->kind = trace_config.kind;
	header->cpu = bpf_get_smp_processor_id();
	header->at_ns = now;
}

#endif
