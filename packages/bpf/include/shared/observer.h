/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * What the observer counts about itself, per CPU: what it let pass uncounted and what it could not keep.
 * Not about any one endpoint: those counters are in endpoint.h.
 */
#ifndef MILLRACE_OBSERVER_H
#define MILLRACE_OBSERVER_H

#include "abi.h"

/* Index of the `observer_counts` map. */
enum observer_count {
	OBSERVER_UNKNOWN_ENDPOINT = 0,    /* packets at a hook whose interface is not in `endpoints` */
	OBSERVER_DROPS_ORDINARY = 1,      /* in our namespaces, for a reason that is an ordinary end */
	OBSERVER_DROPS_NOT_IP = 2,        /* in our namespaces, with no readable IP header */
	OBSERVER_DROPS_OF_OTHERS = 3,     /* in the host's namespace, of no address of ours */
	OBSERVER_DROPS_UNATTRIBUTED = 4,  /* losses that found no room in `drops` */
	OBSERVER_SOCKET_UNMATCHED = 5,    /* socket reports whose flow is not in the table */
	OBSERVER_IDENTITY_DIFFERS = 6,    /* packets whose tunnel says another identity than the lease of their source */
	OBSERVER_NOT_MASQUERADED = 7,     /* decisions: to the outside as it is, by another device or a protocol without ports */
	OBSERVER_RELAYED = 8,             /* packets that came to a node port, sent on to another host's pod */
	OBSERVER_RELAYED_BACK = 9,        /* packets of such pods, sent on to who came to the node port */
};

enum observer_limit {
	OBSERVER_COUNTS = 16,
};

#endif
