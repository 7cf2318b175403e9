/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * What the dataplane is told: which addresses are this host's, how to reach the others, and under which
 * generation. Written by the agent, read by the programs. What a flow was decided to do is in flow.h.
 */
#ifndef MILLRACE_FORWARD_H
#define MILLRACE_FORWARD_H

#include "abi.h"
#include "flow.h"

enum forward_limit {
	FORWARD_TUNNEL_BYTES = 50,    /* outer IPv4, UDP and VXLAN headers, inner Ethernet header */
	FORWARD_FIRST_GENERATION = 2, /* 0: never decided; 1: PATH_DECIDING */
};

/* Which ports of this host's own addresses may lead to pods. */
enum forward_port {
	FORWARD_HOST_PORTS = 1, /* there is something in `host_ports` (service.h) */
	FORWARD_NODE_PORTS = 2, /* those of services, from SERVICE_NODE_PORT_FIRST on */
};

/* The one element of `forwarding`. */
struct forwarding {
	__u32 generation; /* raised whenever a decision made before could now be another; never 0 or 1 */
	__u32 uplink;     /* ifindex */
	__u32 punt;       /* ifindex of the device that leads to the agent; 0: there is none */
	__be16 tunnel_port;
	__u16 nat_first; /* ports that masqueraded flows get, in host order, both included; 0: none are masqueraded */
	__be32 tunnel_address; /* this host's, on the underlay */
	__u32 policy_set;      /* by which flows are judged; POLICY_NO_SET: by none */
	__be32 nat_address4;   /* this host's, as the outside sees it; 0: IPv4 isn't masqueraded */
	__u8 nat_address6[16]; /* likewise for IPv6 */
	__u16 nat_last;
	__u16 host_ports; /* enum forward_port */
};
ABI_SIZE(struct forwarding, 48);

/* Of `locals`, by address: the pod here that has it. */
struct local {
	__u32 endpoint_id;
	__u32 ifindex; /* the host's end of its link */
	__u32 identity;
	__u32 _pad0;
};
ABI_SIZE(struct local, 16);

/* Of `routes`; IPv4 as ::ffff:a.b.c.d, so its prefixes are 96 longer. */
struct route_key {
	__u32 prefix_bits;
	__u8 address[16];
};
ABI_SIZE(struct route_key, 20);

enum route_flag {
	ROUTE_OUTSIDE = 1,      /* HOST: leads to the outside, neither to this host nor along a link */
	ROUTE_MASQUERADED = 2,  /* who has an address of this prefix is seen outside under the host's */
};

struct route {
	__u32 kind;     /* enum path_kind: DIRECT, OVERLAY, HOST, PUNT */
	__u32 remote;   /* index into `remotes`; 0: none */
	__u32 identity; /* of whoever has the address, 0 when not known */
	__u32 flags;    /* enum route_flag */
};
ABI_SIZE(struct route, 16);

/* A host that pods here talk to. */
struct remote {
	__u8 address6[16]; /* on the underlay, for IPv6 sent directly */
	__be32 address4;   /* on the underlay */
	__u32 _pad0;
};
ABI_SIZE(struct remote, 24);

#endif
