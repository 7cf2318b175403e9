/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Translation: under which port of the host's own address the outside knows a pod's flow, and which flow to a service a
 * backend's answers belong to. An entry belongs to one flow of the flow table, whose path names it, and goes with it. The
 * port's choice is lib/nat.h's, the backend's lib/service_flow.h's.
 */
#ifndef MILLRACE_NAT_H
#define MILLRACE_NAT_H

#include "abi.h"
#include "flow.h"

enum translation_limit {
	TRANSLATION_DEAD = 0, /* in `claimed_s`: being removed, nobody may claim it any more */
};

/* Of `translations`: what an answer shows, from the outside at this host, or from a backend at the pod's link. */
struct translation_key {
	__u8 remote[16];    /* the far end; IPv4 as ::ffff:a.b.c.d */
	__u8 address[16];   /* this host's; the pod's own of a backend's answer */
	__be16 remote_port; /* ICMP echo: 0 */
	__be16 port;        /* likewise; ICMP echo: the identifier */
	__u8 proto;
	__u8 _pad0;
	__u16 _pad1;
};
ABI_SIZE(struct translation_key, 40);

struct translation {
	struct flow_key flow; /* whose it is, as its endpoint sees it */
	__u32 check;     /* of key and flow together: tells a reader that the entry was reused under it */
	__u32 claimed_s; /* when its flow claimed it last, boot time in whole seconds, never TRANSLATION_DEAD */
	__be16 wire_port; /* from the outside: the pod's, as at its link; 0: the flow's own */
	__u16 _pad0;
};
ABI_SIZE(struct translation, 56);

/* The argument of one translation_sweep run; the last two are answers. */
struct translation_sweep {
	__u32 grace_s; /* an entry claimed within so many seconds stays, whatever its flow says */
	__u32 found;
	__u32 removed; /* of those, whose flow is gone or has another port */
	__u32 _pad0;
};
ABI_SIZE(struct translation_sweep, 16);

#endif
