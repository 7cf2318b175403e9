/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Ring-buffer records of the observer: flows opening, moving and closing, the first drop of each kind. Nothing is
 * emitted per packet. A record that finds the ring full is counted by kind in the `ring_lost` map.
 */
#ifndef MILLRACE_EVENT_H
#define MILLRACE_EVENT_H

#include "abi.h"
#include "flow.h"

enum event_kind {
	EVENT_FLOW_OPENED = 1,
	EVENT_FLOW_CLOSED = 2,
	EVENT_DROP = 3,
	EVENT_FLOW_MOVED = 4,
	EVENT_SERVICE_ASKED = 5, /* service.h */
};

enum event_limit {
	EVENT_KINDS = 8,
	EVENT_DROP_HEADERS = 96,
};

struct event_header {
	__u32 kind; /* enum event_kind */
	__u32 cpu;
	__u64 at_ns;
};
ABI_SIZE(struct event_header, 16);

/* A flow's first packet, or a SYN that reopened a closed tuple (the record's `opens` then is above 1). */
struct event_flow_opened {
	struct event_header header;
	struct flow_key key;
	__u32 _pad0;
	__u64 cgroup_id;
};
ABI_SIZE(struct event_flow_opened, 72);

/*
 * The first packet of a known flow in each FLOW_EPOCH_BITS of time: the agent reads those flows, and once more
 * when that time is over, instead of the whole table.
 */
struct event_flow_moved {
	struct event_header header;
	struct flow_key key;
	__u32 _pad0;
};
ABI_SIZE(struct event_flow_moved, 64);

struct event_flow_closed {
	struct event_header header;
	struct flow_key key;
	__u32 tcp_state; /* FLOW_TCP_CLOSED or FLOW_TCP_RESET */
};
ABI_SIZE(struct event_flow_closed, 64);

/* What the agent says of each drop reason, by its number in the running kernel; map `drop_classes`. */
enum drop_class {
	DROP_CLASS_UNSET = 0, /* a reason the agent doesn't know counts as a loss */
	DROP_CLASS_LOSS = 1,
	DROP_CLASS_ORDINARY = 2, /* how a packet ends that did its work: only counted */
	DROP_CLASS_BY_PLACE = 3, /* a loss, but where `drop_places` says otherwise */
};

enum drop_place_limit {
	DROP_PLACES = 16,
};

/* A kernel function in which a reason means something else than elsewhere; map `drop_places`, by index. */
struct drop_place {
	__u64 start; /* addresses in this boot: from, up to but without; both 0: no more places follow */
	__u64 end;
	__u32 reason;
	__u32 drop_class; /* enum drop_class */
};
ABI_SIZE(struct drop_place, 24);

/* What makes two drops the same drop. The flow's endpoint_id is 0 when no endpoint of ours is known. */
struct drop_key {
	struct flow_key flow;
	__u32 reason;   /* enum skb_drop_reason of the running kernel */
	__u64 location; /* address of the instruction that freed the packet */
	__u64 netns_cookie;
	__u32 ifindex;
	__u32 direction; /* enum flow_direction, relative to the endpoint */
};
ABI_SIZE(struct drop_key, 72);

struct drop_record {
	__u64 packets;
	__u64 bytes;
	__u64 first_seen_ns;
	__u64 last_seen_ns;
};
ABI_SIZE(struct drop_record, 32);

struct event_drop {
	struct event_header header;
	struct drop_key key;
	__u32 packet_bytes;
	__u32 header_bytes; /* of `headers` that are filled, from the network header on */
	__u8 headers[EVENT_DROP_HEADERS];
};
ABI_SIZE(struct event_drop, 192);

#endif
