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

/* Of a program: what it made of a packet. A flow's own is told to people in packages/contract's words. */
enum verdict {
	VERDICT_UNKNOWN = 0, /* nobody judged: observe mode, or not yet */
	VERDICT_FORWARD = 1,
	VERDICT_DROP = 2,
	VERDICT_PUNT = 3, /* the next tier below decides; never kept */
	VERDICT_WOULD_DROP = 4, /* forwarded; dropped if a policy that only observes were enforced */
};

/* Where a flow's packets go from their endpoint. */
enum path_kind {
	PATH_NONE = 0,
	PATH_LOCAL = 1,   /* into another pod of this host */
	PATH_DIRECT = 2,  /* by the uplink to a next hop */
	PATH_OVERLAY = 3, /* likewise, in an outer header */
	PATH_HOST = 4,    /* the host's own stack knows */
	PATH_PUNT = 5,    /* the agent's to resolve */
	PATH_MASQUERADE = 6, /* by the uplink to the outside, under the host's own address */
};

/* Why the dataplane itself dropped a packet. Appended to, never renumbered. */
enum path_reason {
	PATH_REASON_NONE = 0,
	PATH_REASON_SPOOFED = 1,        /* a source address that isn't the endpoint's */
	PATH_REASON_NO_ROUTE = 2,
	PATH_REASON_NOT_IP = 3,         /* nor a question to a neighbour */
	PATH_REASON_MALFORMED = 4,      /* an IP header that ends early or contradicts itself */
	PATH_REASON_TUNNEL_FORGED = 5,  /* a pod's packet for a host's tunnel port */
	PATH_REASON_UNKNOWN_TUNNEL = 6, /* a tunnel's packet from a host that isn't known */
	PATH_REASON_ENDPOINT_GONE = 7,
	PATH_REASON_UNRESOLVED = 8,     /* where it goes or who sent it isn't known, and nobody there to ask */
	PATH_REASON_ENCAPSULATION = 9,  /* the outer header found no room */
	PATH_REASON_POLICY = 10,
	PATH_REASON_NO_PORT = 11,        /* to be translated, and no port was free, or there is no flow to keep it */
	PATH_REASON_UNTRANSLATABLE = 12, /* to be translated, and its own port can't be told or changed */
	PATH_REASON_NO_BACKEND = 13,     /* to a service with none, or with none but the sender; the sender was told */
	PATH_REASON_NO_SERVICE = 14,     /* to a virtual address that is no service's, or has no such port; likewise */
	PATH_REASON_NO_HEADROOM = 15,    /* a link header found no room before what the agent has put back */
	PATH_REASON_TOO_LONG = 16,       /* to be relayed to or from a node port, and longer than the tunnel takes; the sender was told */
};

enum path_limit {
	PATH_DECIDING = 1, /* in `generation`: being written; real generations begin after it */
	/* Before a path_reason where the kernel's own reasons stand: a subsystem of its own ("MR"). */
	PATH_REASON_BASE = 0x4d520000,
};

/*
 * A flow's way, as the slow path decided it: followed by each packet while `generation` is the present one. With
 * the key and the remote it names it is all that a hardware rule is made from.
 */
struct flow_path {
	__u32 generation;
	__u8 verdict; /* enum verdict */
	__u8 kind;    /* enum path_kind */
	__u8 reason;  /* enum path_reason, when dropped */
	__u8 _pad0;
	__u32 ifindex;       /* LOCAL: the host's end of the peer's link; DIRECT, OVERLAY: the uplink */
	__u32 remote;        /* DIRECT, OVERLAY: index into `remotes` */
	__u32 identity;      /* the endpoint's own */
	__u32 peer_identity; /* 0: not known */
	__u32 peer_endpoint; /* LOCAL */
	__u32 rule;          /* that decided; 0: none did */
	__u32 revision;      /* of the policy it is from */
	__be16 wire_port; /* the endpoint's, beyond its link, where another of its flows has the tuple there; 0: the flow's own */
	__u16 _pad1;
	__u8 nat_address[16]; /* the endpoint's address as the far side sees it; zero: its own. Once set, for life */
	__be16 nat_port; /* for as long as the far side is the same */
	__u16 _pad2;
	__u32 slow_packets; /* of those in `counters`, both directions, how many took the slow path */
	__u8 nat_dst[16];   /* where the flow's packets go, at a backend or with a wire_port; zero: to the address that they name */
	__be16 nat_dst_port;
	__u16 _pad3;
	__u32 backend; /* its number in `service_backends`, also when it has left there; or lib/service.h's */
};
ABI_SIZE(struct flow_path, 88);

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
	struct flow_path path; /* of what the endpoint sends; verdict and rule are of both directions */
};
ABI_SIZE(struct flow_record, 208);

enum flow_retire_outcome {
	FLOW_RETIRE_NOT_ASKED = 0,
	FLOW_RETIRE_DONE = 1,    /* LIVE -> RETIRED by this call, or RETIRED already */
	FLOW_RETIRE_BUSY = 2,    /* seen since quiet_since_ns: stays LIVE */
	FLOW_RETIRE_MISSING = 3, /* no such entry */
};

/* The argument of one flow_retire, flow_delete or translations_end run. */
struct flow_retire_request {
	__u64 quiet_since_ns; /* flow_retire: only what was last seen before */
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

/* What becomes of a flow that flow_carry is given, and what came of it; stands in its record's `shown`. */
enum flow_carry {
	FLOW_CARRY_OPEN = 0, /* opened as it is, or added to what is there */
	FLOW_CARRY_LATE = 1, /* likewise; its holder counts it already, and what is there as well */
	FLOW_CARRY_ADD = 2,  /* only added */
	FLOW_CARRY_MISSED = 3, /* it found no room, or has gone */
};

/* The argument of one flow_scan, flow_collect or flow_carry run; `found` and `total` are answers. */
struct flow_scan_request {
	__u32 count; /* flow_collect: of keys in `retire_batch`, at most FLOW_RETIRE_BATCH; flow_carry: of flows */
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
ABI_SIZE(struct flow_chunk, 252 * 64);

#endif
