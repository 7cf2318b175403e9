/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * An endpoint is one interface of one container namespace. Its totals are counted before and apart from
 * the flow table, so that  total = flows + every other class  is a check that can fail.
 */
#ifndef MILLRACE_ENDPOINT_H
#define MILLRACE_ENDPOINT_H

#include "abi.h"
#include "flow.h"

/*
 * Exclusive classes of packets, but for EP_TOTAL which counts every packet. It stays the first, and the names of the
 * table, its counters and their numbers stay too: by them an agent reads maps of another version a last time.
 */
enum endpoint_class {
	EP_TOTAL = 0,
	EP_NOT_IP = 1,
	EP_TRUNCATED = 2,    /* an IP header that ends early or contradicts itself */
	EP_TABLE_FULL = 3,   /* unattributed: no room in the flow table */
	EP_FLOW_RETIRED = 4, /* unattributed: came while its flow was being taken out */
	EP_OTHER_HOST = 5,   /* received, and by its link address meant for somebody else: a bridge flooded it */
	EP_SPOOFED = 6,      /* sent with a source address that isn't the endpoint's; dropped */
	EP_OVER_BUDGET = 7,  /* unattributed: the endpoint holds as many flows as one may */
};

/* Things that happened to packets that are attributed all the same; counts of packets. */
enum endpoint_note {
	EP_NOTE_FRAGMENT = 0,
	EP_NOTE_FRAGMENT_UNMATCHED = 1, /* first fragment not seen: ports unknown */
	EP_NOTE_VLAN = 2,
	EP_NOTE_EXTENSION_HEADER = 3,
	EP_NOTE_EXTENSION_LIMIT = 4, /* more extension headers than the parser walks */
	EP_NOTE_L4_TRUNCATED = 5,    /* ports unknown */
	EP_NOTE_NO_PORT = 6,         /* dropped as PATH_REASON_NO_PORT */
};

/* Array lengths: classes and notes leave room to append. */
enum endpoint_limit {
	EP_CLASSES = 8,
	EP_NOTES = 8,
	NETNS_ENDPOINTS = 8,
	EP_SLOTS = 1025, /* the first is nobody's */
};

struct endpoint_key {
	__u64 netns_cookie;
	__u32 ifindex;
	__u32 _pad0;
};
ABI_SIZE(struct endpoint_key, 16);

/* What the link is that an endpoint's packets are carried by. */
enum endpoint_link {
	EP_LINK_VETH = 0, /* or whatever it is, where nothing is carried */
	EP_LINK_NETKIT = 1,
};

/* Of `endpoints`, by slot: which slot is whose says `endpoint_slots`. All zero where none is. */
struct endpoint {
	__u32 endpoint_id; /* given by the agent, never reused while the maps live */
	__u32 link;        /* enum endpoint_link */
	struct endpoint_key at;
	struct flow_counters counters[FLOW_DIRECTIONS][EP_CLASSES]; /* by flow_direction, endpoint_class */
	__u64 notes[EP_NOTES]; /* by endpoint_note */
};
ABI_SIZE(struct endpoint, 8 + 16 + 2 * 8 * 24 + 64);

/* The argument of one endpoint_carry run: what is added to that slot's. */
struct endpoint_carry_request {
	__u32 slot;
	__u32 _pad0;
	struct endpoint counted;
};
ABI_SIZE(struct endpoint_carry_request, 8 + 8 + 16 + 2 * 8 * 24 + 64);

enum netns_kind {
	NETNS_POD = 0,
	NETNS_HOST = 1, /* the agent's own host: its drops may concern pods' packets */
};

/* Of `flow_holders`, by endpoint_id: counted where an entry of `flows` is made and where one is deleted, both in the kernel. */
struct flow_holder {
	__u32 flows;
};
ABI_SIZE(struct flow_holder, 4);

/* By namespace cookie: which endpoints a socket or a dropped packet of that namespace may belong to. */
struct netns_info {
	__u32 kind; /* enum netns_kind */
	__u32 endpoint_count;
	__u32 endpoint_ids[NETNS_ENDPOINTS];
};
ABI_SIZE(struct netns_info, 40);

#endif
