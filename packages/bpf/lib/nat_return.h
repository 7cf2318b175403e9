/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * What comes to this host's own address and is a pod's: answers to masqueraded flows, what is sent to a host port, and what is
 * sent to a node port, whose pod may be another host's. What isn't known here is the host's own, and stays as it is.
 */
#ifndef MILLRACE_NAT_RETURN_H
#define MILLRACE_NAT_RETURN_H

#include "lib/nat_come.h"

static __always_inline bool nat_is_in_range(const struct forwarding *now, __be16 port)
{
	__u16 number = bpf_ntohs(port);

	return now->nat_first && number >= now->nat_first && number <= now->nat_last;
}

/* For whom something may have come to this host's own port. */
static __always_inline bool nat_may_return(const struct forwarding *now, __be16 port)
{
	return now->host_ports & FORWARD_HOST_PORTS || nat_is_in_range(now, port) ||
	       (now->host_ports & FORWARD_NODE_PORTS && node_port_is(port));
}

static __always_inline bool nat_is_of_host_port(const struct flow_key *flow, const struct service_backend *leads)
{
	return flow->sport == leads->port && address_equals(flow->saddr, leads->address);
}

/* Whose a packet is that came to this host's own address; `flow` is as a pod with that address would see it, untagged. */
static __always_inline int nat_find_owner(struct __sk_buff *skb, struct nat_work *work, const struct flow_key *flow, __u32 how)
{
	const struct forwarding *now = forwarding_now();
	const struct service_backend *leads = NULL;
	int result = NAT_RETURNED;
	bool node;

	if (!now)
		return NAT_NOT_OURS;
	if (now->host_ports & FORWARD_HOST_PORTS)
		leads = host_port_at(flow->saddr, flow->sport, flow->proto);
	node = !leads && node_port_may_be(flow->saddr, flow->sport, flow->proto, now);
	if (!leads && !node && !nat_is_in_range(now, flow->sport))
		return NAT_NOT_OURS;
	translation_key_of(&work->at, flow, flow->saddr, flow->sport);
	if (translation_find(&work->entry, &work->at) && nat_is_here(&work->entry.flow) &&
	    !(node && node_port_moves(work, flow, how))) {
		if (node || (leads && nat_is_of_host_port(&work->entry.flow, leads)))
			result = NAT_CAME;
	} else if (node) {
		result = nat_come_to_node(skb, work, flow, how);
	} else {
		result = leads ? nat_come(skb, work, flow, leads, NULL, how) : NAT_NOT_OURS;
	}
	nat_end(&work->end, flow->saddr, flow->sport, work->entry.flow.saddr, translation_wire_port(&work->entry));
	return result;
}

static __always_inline bool nat_is_found(int result)
{
	return result == NAT_RETURNED || result == NAT_CAME || result == NAT_RELAYED;
}

static __always_inline bool nat_is_too_long(struct __sk_buff *skb, const struct rewrite_place *place)
{
	const struct forwarding *now = forwarding_now();

	return !now || relay_is_too_long(skb, place, now->uplink);
}

static __always_inline __u32 nat_how(__u8 tcp_flags)
{
	bool opens = (tcp_flags & (TCP_FLAG_BYTE_SYN | TCP_FLAG_BYTE_ACK)) == TCP_FLAG_BYTE_SYN;

	return NAT_MAY_OPEN | (opens ? NODE_PORT_OPENS : 0);
}

/* After NAT_CAME: to which port, for the receiver's side. */
static __always_inline void nat_tell_port(struct told *told)
{
	const struct nat_work *work = nat_work_now();
	struct port_asked *asked = port_asked();

	if (!work || !asked)
		return;
	told->to_port = true;
	asked->port = work->at.port;
	__builtin_memcpy(asked->address, work->at.address, 16);
}

/* An answer from the outside, made its pod's; `plain` follows. `how`: NODE_PORT_AGAIN or nothing. */
VERIFIED_ALONE int nat_return_plain(struct __sk_buff *skb, struct plain_packet *plain, __u32 how)
{
	struct nat_work *work = nat_work_begin();
	int result;

	if (!plain || !work)
		return NAT_NOT_OURS;
	result = nat_find_owner(skb, work, &plain->flow.key, how | nat_how(plain->tcp_flags));
	if (!nat_is_found(result))
		return result;
	nat_place_plain(&work->place, &plain->flow.key);
	if (result == NAT_RELAYED && nat_is_too_long(skb, &work->place))
		return NAT_TOO_LONG;
	if (rewrite_end(skb, &work->place, &work->end))
		return nat_broken(skb, work, PATH_REASON_UNTRANSLATABLE);
	/* Whom it comes from stays as it is: the flow may name a service, which is the pod's link to know. */
	__builtin_memcpy(plain->flow.key.saddr, work->end.to, 16);
	plain->flow.key.sport = work->end.to_port;
	return result;
}

/* An error about what a pod sent: inside it, too, the pod must find its own address. */
static __always_inline int nat_return_error(struct __sk_buff *skb, const struct packet *packet, struct nat_work *work)
{
	int result;

	nat_place_parsed(&work->place, packet);
	if (quote_read(skb, &work->place, &work->quote))
		return NAT_NOT_OURS;
	result = nat_find_owner(skb, work, &work->quote.key, NODE_PORT_KNOWN);
	if (!nat_is_found(result))
		return NAT_NOT_OURS;
	work->end.source = true;
	if (nat_rewrite_error(skb, work))
		return nat_broken(skb, work, PATH_REASON_UNTRANSLATABLE);
	return result == NAT_RELAYED ? NAT_RELAYED : NAT_RETURNED;
}

/* An answer that isn't plain: an echo's, or one with options or in pieces. Later pieces go by what their first one was. */
static __always_inline int nat_return_parsed(struct __sk_buff *skb, struct packet *packet, struct nat_work *work, __u32 how)
{
	int result;

	if (packet->fragment_offset)
		fragment_recall(packet);
	else if (proto_is_icmp(packet->key.proto) && !packet->icmp_echo_reply)
		return NAT_NOT_OURS;
	flow_reverse(&work->flow, &packet->key);
	result = nat_find_owner(skb, work, &work->flow, how | nat_how(packet->tcp_flags));
	if (!nat_is_found(result))
		return result;
	if (packet->fragment_first)
		fragment_remember(packet);
	nat_place_parsed(&work->place, packet);
	if (result == NAT_RELAYED && nat_is_too_long(skb, &work->place))
		return NAT_TOO_LONG;
	if (rewrite_end(skb, &work->place, &work->end))
		return nat_broken(skb, work, PATH_REASON_UNTRANSLATABLE);
	return result;
}

/* For what plain_parse left alone. `packet` follows; `how` as above. */
VERIFIED_ALONE int nat_return_any(struct __sk_buff *skb, struct packet *packet, __u32 how)
{
	struct nat_work *work = nat_work_begin();
	int result;

	if (!packet || !work || packet->key.vlan)
		return NAT_NOT_OURS; /* a tag's network is another device's */
	if (!packet->fragment_offset && flow_is_icmp_error(&packet->key))
		result = nat_return_error(skb, packet, work);
	else
		result = nat_return_parsed(skb, packet, work, how);
	if (nat_is_found(result))
		__builtin_memcpy(packet->key.daddr, work->entry.flow.saddr, 16);
	return result;
}

#endif
