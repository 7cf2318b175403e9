/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Services as the kernel knows them: which virtual addresses there are, and which backends stand behind each. Written by
 * the agent, read where a socket connects or sends. Which sockets were given what is the programs' own (lib/service.h).
 */
#ifndef MILLRACE_SERVICE_H
#define MILLRACE_SERVICE_H

#include "abi.h"
#include "event.h"
#include "flow.h"

enum service_limit {
	SERVICE_COUNTS = 16,
	SERVICE_TRIES = 3, /* how often a choice is begun anew when the tables change under it */
	SERVICE_HOST_PORT_LIMIT = 4096, /* host ports, each at an address */
	SERVICE_NODE_PORT_FIRST = 30000, /* ports that services may have at every host's own address, both included */
	SERVICE_NODE_PORT_LAST = 32767,
};

/* Index of the `service_totals` map: what became of connects, of a socket's first datagram, and of packets' flows, to a virtual address. */
enum service_count {
	SERVICE_COUNT_TRANSLATED = 0,
	SERVICE_COUNT_EMPTY = 1,     /* refused: no backend */
	SERVICE_COUNT_UNKNOWN = 2,   /* a socket's: goes on as it is, since this host has not been told of the address yet */
	SERVICE_COUNT_ABSENT = 3,    /* refused: no such service, or no such port of it */
	SERVICE_COUNT_RACED = 4,     /* refused: the tables changed SERVICE_TRIES times under it */
	SERVICE_COUNT_FORGOTTEN = 5, /* translated, and no memory to remember it by: the socket shows its backend */
};

/*
 * Of `services`. Port and protocol 0: the address itself, which says that the host was told of it, as a service or as
 * none; what then isn't found by its port has no such port.
 *
 * A node port stands at no address of the host's, which may change: at 100::6e70:0:FAMILY:PROTOCOL:PORT (lib/node_port.h), of the
 * prefix that leads nowhere (RFC 6666).
 */
struct service_key {
	__u8 address[16]; /* IPv4 as ::ffff:a.b.c.d */
	__be16 port;
	__u8 proto;
	__u8 _pad0;
};
ABI_SIZE(struct service_key, 20);

struct service {
	__u32 number;     /* never another's while the maps live; 0: the address itself */
	__u32 slot_base;  /* its part of `service_slots` */
	__u32 slot_count; /* 0: it has no backend */
	__u32 affinity_seconds; /* 0: none */
};
ABI_SIZE(struct service, 16);

/*
 * Of `service_backends`, by number: those that new connections may be given. Of `host_ports`, by one of this host's own
 * addresses and a port of it: the pod here that the port leads to.
 */
struct service_backend {
	__u8 address[16]; /* of the family of the virtual address */
	__be16 port;
	__u16 _pad0;
	__u32 service; /* whose number it is: a backend of two services is two; 0: a host port's */
};
ABI_SIZE(struct service_backend, 24);

/* Of `relays`, by what a client outside shows at a node port (struct translation_key): the backend that it was given. */
struct relay {
	__u8 address[16];
	__be16 port;
	__u16 _pad0;
	__u32 backend;
	__u32 used_s; /* when it last sent, boot time in whole seconds */
};
ABI_SIZE(struct relay, 28);

/* Of `service_counts`, by a service's number. */
struct service_counts {
	__u64 opened; /* connections, and sockets' first datagrams */
	__u64 refused;
};
ABI_SIZE(struct service_counts, 16);

/* Of `service_backend_counts`, by a backend's number; a draining one keeps it as long as the agent lives. */
struct service_backend_counts {
	__u64 opened;
	__u64 answered; /* TCP connects that came to a connection */
	__u64 failures; /* those that came to nothing */
	__u64 resets;   /* connections that the other end reset */
};
ABI_SIZE(struct service_backend_counts, 32);

/* Of `service_flows`, by the flow's key: what its opener asked for. The flow itself has the backend's address. */
struct service_flow {
	struct service_key virtual;
	__u32 service;
	__u32 backend;
};
ABI_SIZE(struct service_flow, 28);

/* The one element of `service_answers`, by index of the key in `retire_batch`; port 0: nothing is noted of that flow. */
struct service_flow_batch {
	struct service_key virtual[FLOW_RETIRE_BATCH];
};
ABI_SIZE(struct service_flow_batch, 20 * 1024);

/* The argument of one service_flows_find run. */
struct service_flow_request {
	__u32 count; /* of keys in `retire_batch`, at most FLOW_RETIRE_BATCH */
	__u32 _pad0;
};
ABI_SIZE(struct service_flow_request, 8);

/* A pod asked for a virtual address that this host knows nothing of: at most once a second for each. */
struct event_service_asked {
	struct event_header header;
	struct service_key key;
	__u32 _pad0;
	__u64 netns_cookie;
};
ABI_SIZE(struct event_service_asked, 48);

#endif
