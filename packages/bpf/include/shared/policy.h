/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * What the dataplane judges by. Written by the agent, who compiles policies into it; the kernel knows neither labels nor
 * precedence. All of it stands under the number of a policy set: which one holds is one word in `forwarding`.
 */
#ifndef MILLRACE_POLICY_H
#define MILLRACE_POLICY_H

#include "abi.h"

enum policy_limit {
	POLICY_NO_SET = 0,        /* in `forwarding`: nobody has told this host of policies; all is forwarded */
	POLICY_FORWARDS_ALL = 0,  /* instead of a ruleset's number: everything is forwarded, by no rule */
	POLICY_SET_BITS = 32,     /* of a cidr_class_key: its set, before the address */
	POLICY_ANY_BITS = 32,     /* of a ruleset_key: any protocol */
	POLICY_PROTOCOL_BITS = 40, /* one protocol, any port */
	POLICY_PORT_BITS = 56,     /* one port */
	POLICY_HOST_IDENTITY = 1,  /* the host a pod is on, its own processes */
	POLICY_WORLD_IDENTITY = 2, /* outside the pools */
	POLICY_FIRST_IDENTITY = 256, /* those before are reserved, and no pod's */
};

/* In which directions some policy selects an endpoint. */
enum policy_selection {
	POLICY_SELECTS_EGRESS = 1,
	POLICY_SELECTS_INGRESS = 2,
};

/* Of `subjects`: every endpoint whose policies are known is there. The value: bits by policy_selection. */
struct subject_key {
	__u32 set;
	__u32 endpoint_id;
};
ABI_SIZE(struct subject_key, 8);

/* Of `cidr_classes`, by longest match; IPv4 as ::ffff:a.b.c.d. The value: the class, from 1. */
struct cidr_class_key {
	__u32 prefix_bits; /* POLICY_SET_BITS and those of the address */
	__u32 set;
	__u8 address[16];
};
ABI_SIZE(struct cidr_class_key, 24);

/* Of `judgements`, for the pairs that are known. The value: a ruleset's number, or POLICY_FORWARDS_ALL. */
struct judgement_key {
	__u32 set;
	__u32 endpoint_id;
	__u32 peer_identity;
	__u32 cidr_class;
	__u32 direction; /* enum flow_direction, of who opens the flow */
};
ABI_SIZE(struct judgement_key, 20);

/* Of `rulesets`, by longest match: that match is the judgement. */
struct ruleset_key {
	__u32 prefix_bits;
	__u32 ruleset;
	__u8 proto;
	__u8 port[2]; /* that the flow was opened to, as on the wire; 0 where a protocol has none */
	__u8 _pad0;
};
ABI_SIZE(struct ruleset_key, 12);

struct rule_verdict {
	__u8 verdict; /* enum verdict: FORWARD, DROP, WOULD_DROP */
	__u8 _pad0[3];
	__u32 rule; /* 0: none */
	__u32 revision;
};
ABI_SIZE(struct rule_verdict, 12);

#endif
