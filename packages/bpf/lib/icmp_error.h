/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Which flow an ICMP error is about, by the packet it quotes. Whether there is such a flow, and what becomes of the
 * error, is decided elsewhere.
 */
#ifndef MILLRACE_ICMP_ERROR_H
#define MILLRACE_ICMP_ERROR_H

#include "lib/rewrite.h"

/* What reading one takes: too large for the stack. */
struct icmp_error {
	struct rewrite_place place;
	struct rewrite_quote quote;
};

/*
 * As the sender of the quoted packet has the flow's key; vlan and endpoint_id are those of `packet`. false: it quotes
 * too little.
 */
static __always_inline bool icmp_error_quotes(struct __sk_buff *skb, const struct packet *packet,
					      struct icmp_error *error, struct flow_key *quoted)
{
	if (packet->fragment_offset)
		return false;
	error->place.transport_at = packet->transport_at;
	error->place.end = packet->ip_end;
	error->place.family = packet->key.family;
	error->place.proto = packet->key.proto;
	if (quote_read(skb, &error->place, &error->quote))
		return false;
	*quoted = error->quote.key;
	quoted->vlan = packet->key.vlan;
	quoted->endpoint_id = packet->key.endpoint_id;
	return true;
}

#endif
