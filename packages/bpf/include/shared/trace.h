/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Live traces: the configuration one session is loaded with, and its records. A session has programs and
 * maps of its own, none pinned: the agent's death takes them along. The lease and the rate are enforced
 * here, in the kernel, even when nobody reads.
 */
#ifndef MILLRACE_TRACE_H
#define MILLRACE_TRACE_H

#include "abi.h"
#include "flow.h"

enum trace_kind {
	TRACE_DROPS = 1,
	TRACE_CONNECTIONS = 2,
};

enum trace_limit {
	TRACE_STACK_DEPTH = 32,
	TRACE_HEADER_BYTES = 128,
	TRACE_COMM_BYTES = 16,
};

/* Zero in a field matches anything. The tuple matches in either direction. */
struct trace_filter {
	__u8 addr_a[16];
	__u8 addr_b[16];
	__be16 port_a;
	__be16 port_b;
	__u8 proto;
	__u8 match_addr_a; /* 1: addr_a is set */
	__u8 match_addr_b;
	__u8 _pad0;
	__u64 cgroup_id;    /* socket's cgroup; unknown cgroups pass when a namespace matches */
	__u64 netns_cookie; /* 0: any namespace in the session's `trace_netns` map */
};
ABI_SIZE(struct trace_filter, 56);

struct trace_config {
	__u32 kind; /* enum trace_kind */
	__u32 rate_eps; /* events a second at most, by token bucket of one second's depth */
	__u64 lease_ends_ns;
	struct trace_filter filter;
};
ABI_SIZE(struct trace_config, 72);

struct trace_stats {
	__u64 seen;      /* calls that matched the filter */
	__u64 emitted;
	__u64 over_rate; /* matched, not emitted: the bucket was empty */
	__u64 ring_full; /* matched, not emitted: nobody read fast enough */
	__u64 after_lease;
};
ABI_SIZE(struct trace_stats, 40);

struct trace_event_header {
	__u32 kind; /* enum trace_kind */
	__u32 cpu;
	__u64 at_ns;
	__u64 netns_cookie;
	__u64 cgroup_id;
	__u32 pid; /* of the current task when it is the socket's own, else 0 */
	__u32 _pad0;
	__u8 comm[TRACE_COMM_BYTES];
};
ABI_SIZE(struct trace_event_header, 56);

struct trace_event_drop {
	struct trace_event_header header;
	struct flow_key flow; /* as on the wire; endpoint_id 0 */
	__u32 reason;
	__u64 location;
	__u32 ifindex;
	__u32 packet_bytes;
	__u32 header_bytes;
	__u32 stack_depth;
	__u64 stack[TRACE_STACK_DEPTH];
	__u8 headers[TRACE_HEADER_BYTES];
};
ABI_SIZE(struct trace_event_drop, 56 + 44 + 4 + 8 + 16 + 256 + 128);

enum trace_connection_step {
	TRACE_CONNECT = 1,     /* the socket began to connect */
	TRACE_ACCEPT = 2,      /* the passive side's socket, at the end of its handshake */
	TRACE_ESTABLISHED = 3, /* latency_ns: since connect, or since the SYN was answered */
	TRACE_RESET = 4,
	TRACE_CLOSE = 5,       /* latency_ns: the connection's life */
	TRACE_CONNECT_FAILED = 6,
};

struct trace_event_connection {
	struct trace_event_header header;
	struct flow_key flow; /* saddr is the local end; endpoint_id 0 */
	__u32 step; /* enum trace_connection_step */
	__u64 latency_ns;
	__u64 socket_cookie;
	__u64 bytes_sent;
	__u64 bytes_received;
	__u32 rtt_us;
	__u32 retransmits;
	__u32 error; /* errno: why a connect failed or a socket closed; a reset received, ECONNRESET; sent, 0 */
	__u32 _pad0;
};
ABI_SIZE(struct trace_event_connection, 56 + 44 + 4 + 32 + 16);

#endif
