/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * A flow as its endpoint sees it, and the interval-free counters it accumulates. One entry holds both
 * directions. The entry never leaves the table by itself: user space retires it (see flow_lifecycle).
 */
#ifndef MILLRACE_FLOW_H
#define MILLRACE_FLOW_H

#include "abi.h"

/* Relative to the endpoint, always. Indexes the per-direction arrays below. */
enum flow_direction {
	FLOW_EGRESS = 0,
	FLOW_INGRESS = 1,
};

enum flow_limit {
	FLOW_DIRECTIONS = 2,
	FLOW_RETIRE_BATCH = 1024, /* keys one flow_retire call takes */
	FLOW_EPOCH_BITS = 30,     /* of nanoseconds: 1.07 s */
	FLOW_CHUNK = 64,          /* flows in one element of `flow_changes` */
};

/* Who sent the first packet that opened the flow, when that packet was seen. */
enum flow_opener {
	FLOW_OPENER_UNKNOWN = 0,
	FLOW_OPENER_LOCAL = 1,
	FLOW_OPENER_REMOTE = 2,
};

/* As far as segments seen at the endpoint tell; not the socket's own state. */
enum flow_tcp_state {
	FLOW_TCP_NONE = 0,
	FLOW_TCP_OPENING = 1,
	FLOW_TCP_ESTABLISHED = 2,
	FLOW_TCP_CLOSING = 3,
	FLOW_TCP_CLOSED = 4,
	FLOW_TCP_RESET = 5,
};

/*
 * LIVE -> RETIRED by flow_retire (compare and swap, only when quiet), then a grace period in which every
 * CPU leaves the program, then user space reads the final counters and deletes the entry. A packet that
 * meets a RETIRED entry adds to its endpoint's EP_FLOW_RETIRED class, so no increment is lost or credited
 * to a reused element.
 */
enum flow_lifecycle {
	FLOW_LIVE = 0,
	FLOW_RETIRED = 1,
};

/* As on the wire at egress: saddr is the endpoint's own. Ingress packets are looked up reversed. */
struct flow_key {
	__u8 saddr[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u8 daddr[16];
	__be16 sport; /* ICMP echo: the identifier; other ICMP: 0 */
	__be16 dport; /* ICMP other than echo: type << 8 | code, big endian; unmatched fragments: 0 */
	__u8 proto;   /* IP protocol after extension headers */
	__u8 family;  /* 4 or 6 */
	__u16 vlan;   /* VLAN id in host order, 0 untagged */
	__u32 endpoint_id;
};
ABI_SIZE(struct flow_key, 44);

struct flow_counters {
	__u64 packets;  /* as the interface counts them: buffers, or pieces where it doesn't segment itself */
	__u64 segments; /* packets on the wire */
	__u64 bytes;    /* of those packets, link header included */
};
ABI_SIZE(struct flow_counters, 24);

/* What every packet reads or writes comes first, and together. */
struct flow_record {
	__u32 lifecycle;   /* enum flow_lifecycle; read together with tuple_check in one load */
	__u32 tuple_check; /* folded key: tells a packet that its entry was deleted and reused under it */
	__u8 tcp_flags[FLOW_DIRECTIONS]; /* OR of all seen since the latest open, by flow_direction */
	__u8 tcp_state;    /* enum flow_tcp_state; these four bytes change by one compare and swap */
	__u8 opener;       /* enum flow_opener */
	__u32 rtt_us;      /* smoothed, latest; 0 until measured */
	__u64 last_seen_ns; /* to the timer tick, 1 to 10 ms coarse */
	struct flow_counters counters[FLOW_DIRECTIONS]; /* by flow_direction */
	__u64 first_seen_ns;
	__u64 cgroup_id; /* of the local socket, 0 until known */
	__u64 drops;     /* packets of this flow the kernel dropped for a reason that is a loss */
	__u32 drop_reason; /* the latest of those, in this kernel's numbering */
	__u32 rtt_min_us;
	__u32 retransmits; /* segments */
	__u32 isn;         /* sequence number of the opening SYN; survives most NATs */
	__u32 opens;       /* SYNs that opened or reopened the tuple; 0 when it was met mid-stream */
	__u32 shown; /* what the entry stood at when it was last handed out (scan.bpf.c); 0: never */
};
ABI_SIZE(struct flow_record, 120);

enum flow_retire_outcome {
	FLOW_RETIRE_NOT_ASKED = 0,
	FLOW_RETIRE_DONE = 1,    /* LIVE -> RETIRED by this call, or RETIRED already */
	FLOW_RETIRE_BUSY = 2,    /* seen since quiet_since_ns: stays LIVE */
	FLOW_RETIRE_MISSING = 3, /* no such entry */
};

/* The argument of one flow_retire run. */
struct flow_retire_request {
	__u64 quiet_since_ns; /* retire only what was last seen before */
	__u32 count;          /* of keys in the batch, at most FLOW_RETIRE_BATCH */
	__u32 _pad0;
};
ABI_SIZE(struct flow_retire_request, 16);

/* The one element of the `retire_batch` map; outcome is enum flow_retire_outcome, by index of the key.
 * flow_collect takes its keys from there too. */
struct flow_retire_batch {
	struct flow_key keys[FLOW_RETIRE_BATCH];
	__u8 outcome[FLOW_RETIRE_BATCH];
};
ABI_SIZE(struct flow_retire_batch, 45 * 1024);

/* The argument of one flow_scan or flow_collect run; `found` and `total` are answers. */
struct flow_scan_request {
	__u32 count; /* flow_collect: of keys in `retire_batch`, at most FLOW_RETIRE_BATCH */
	__u32 room;  /* flows that `flow_changes` may take in this run */
	__u32 found; /* flows put there: as many as `room` means that there may be more */
	__u32 total; /* flow_scan: entries in the table */
};
ABI_SIZE(struct flow_scan_request, 16);

/* One element of `flow_changes`: filled in order, the last one in part. */
struct flow_chunk {
	struct flow_key keys[FLOW_CHUNK];
	struct flow_record records[FLOW_CHUNK];
};
ABI_SIZE(struct flow_chunk, 164 * 64);

#endif
