/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Follows a path: what a packet's program answers so that the packet goes where it was decided. Counts drops that
 * only show here, and decides nothing.
 */
#ifndef MILLRACE_SEND_H
#define MILLRACE_SEND_H

#include "lib/forwarding.h"
#include "lib/nat_packet.h"
#include "lib/punt.h"
#include "lib/relay.h"
#include "lib/tunnel.h"

/* The kernel knows, or asks for, the next hop's link address; it holds the packet while it asks. */
static __always_inline int send_by_uplink(const struct remote *remote, __u32 uplink, bool ip6)
{
	struct bpf_redir_neigh hop = {};

	if (ip6) {
		hop.nh_family = AF_INET6;
		__builtin_memcpy(hop.ipv6_nh, remote->address6, 16);
	} else {
		hop.nh_family = AF_INET;
		hop.ipv4_nh = remote->address4;
	}
	return bpf_redirect_neigh(uplink, &hop, sizeof(hop), 0);
}

/* After send_from_port, of the same packet. */
static __always_inline bool send_shrinks(struct __sk_buff *skb, __u32 uplink)
{
	struct nat_work *work = nat_work_now();

	return work && relay_shrinks(skb, &work->place, uplink);
}

/* "Drop" when the outer headers find no room. */
static __noinline int send_through_tunnel(struct __sk_buff *skb, const struct way *way,
					       const struct flow_key *key, const struct forwarding *now,
					       const struct remote *remote)
{
	struct sk_buff *kernel = kernel_skb(skb);
	__u32 link_bytes = KERNEL_READ(kernel, network_header) - KERNEL_READ(kernel, mac_header);
	struct tunnel_way tunnel = {
		.from = now->tunnel_address,
		.to = remote->address4,
		.port = now->tunnel_port,
		.identity = way->identity,
		.ip6 = key->family == 6,
	};

	tunnel.source_port = TUNNEL_PORT_BASE | (bpf_get_hash_recalc(skb) & TUNNEL_PORT_MASK);
	if (way_is_back(way))
		tunnel.shrinks = send_shrinks(skb, way->ifindex);
	if (tunnel_put_on(skb, &tunnel, link_bytes ? ETH_HEADER_BYTES : 0))
		return TCX_DROP_PACKET;
	return send_by_uplink(remote, way->ifindex, false);
}

/* A pod's error about what came to a node port of another host. */
static __noinline int send_error_back(struct __sk_buff *skb, const struct flow_key *key, const struct forwarding *now)
{
	const struct nat_work *work = nat_work_now();
	const struct remote *remote = work ? bpf_map_lookup_elem(&remotes, &work->way.remote) : NULL;
	int answer;

	if (!remote || !work->way.remote)
		return drop_lost(skb, key, PATH_REASON_NO_ROUTE);
	answer = send_through_tunnel(skb, &work->way, key, now, remote);
	return answer == TCX_DROP_PACKET ? drop_lost(skb, key, PATH_REASON_ENCAPSULATION) : answer;
}

#define SEND_TOO_LONG (-3) /* no answer of a program: the sender is to be told */

/*
 * What answers from a port of a host's goes on from there: of this one to a pod of another, or of another one by way of that, through
 * the tunnel. 0; negative: SEND_TOO_LONG; else what becomes of the packet. A pod whose pool is direct may send what the tunnel doesn't take.
 */
VERIFIED_ALONE int send_from_port(struct __sk_buff *skb, const struct way *way, const struct flow_key *key, bool is_plain)
{
	const struct packet *packet = is_plain ? NULL : nat_parsed();
	const struct forwarding *now = forwarding_now();
	struct nat_work *work = nat_work_begin();

	if (!way || !key || !now || !work)
		return TCX_DROP_PACKET;
	nat_place_sent(work, way, key, packet);
	if (way->kind == PATH_OVERLAY && relay_is_too_long(skb, &work->place, now->uplink))
		return SEND_TOO_LONG;
	if (!(packet && nat_hides_port(packet)) && !rewrite_end(skb, &work->place, &work->end))
		return 0;
	return drop_lost(skb, key, PATH_REASON_UNTRANSLATABLE);
}

/* Out of this host, or to its own stack. LOCAL is deliver.h's. What isn't plain, the sender's side has parsed. */
static __always_inline int send_away(struct __sk_buff *skb, const struct way *way, const struct flow_key *key,
				     bool is_plain, const struct forwarding *now)
{
	const struct remote *remote;
	int answer;

	if (way->kind == PATH_MASQUERADE)
		return nat_send(skb, way, key, is_plain);
	if (way->kind == PATH_HOST) {
		answer = flow_is_icmp_error(key) ? nat_send_error(skb, key) : TCX_NEXT_PROGRAM;
		return answer == NAT_ERROR_BACK ? send_error_back(skb, key, now) : answer;
	}
	if (way->kind == PATH_PUNT) {
		if (punt_is_there(skb, now))
			return bpf_redirect(now->punt, 0);
		return drop_lost(skb, key, PATH_REASON_UNRESOLVED);
	}
	remote = bpf_map_lookup_elem(&remotes, &way->remote);
	if (!remote || !way->remote)
		return drop_lost(skb, key, PATH_REASON_NO_ROUTE);
	/* It came to a host port, or another host's node port. One to a service did not: what port it has was for a backend outside. */
	if (way->nat_port && !way->nat_dst_port) {
		answer = send_from_port(skb, way, key, is_plain);
		if (answer)
			return answer;
	}
	if (way->kind == PATH_DIRECT)
		return send_by_uplink(remote, way->ifindex, key->family == 6);
	answer = send_through_tunnel(skb, way, key, now, remote);
	if (answer == TCX_DROP_PACKET)
		return drop_lost(skb, key, PATH_REASON_ENCAPSULATION);
	return answer;
}

#endif
