/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * The tables the agent fills, and the slow path's one question: where does this flow go, and may it? Nothing is
 * sent here; what is decided is followed in send.h.
 */
#ifndef MILLRACE_FORWARDING_H
#define MILLRACE_FORWARDING_H

#include "lib/kernel.h"
#include "lib/locals.h"
#include "lib/packet.h"
#include "shared/flow.h"
#include "shared/forward.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct forwarding);
} forwarding __weak SEC(".maps");

/* What this host's pods talk to, never the fleet: 16,384 x 80 bytes at most. Full: the agent ends the oldest lease. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct route_key);
	__type(value, struct route);
} routes __weak SEC(".maps");

/* By index; 0 is nobody. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct remote);
} remotes __weak SEC(".maps");

/* Hosts whose tunnel packets are taken, by address on the underlay. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __be32);
	__type(value, __u32); /* index into `remotes` */
} tunnel_peers __weak SEC(".maps");

/* The same hosts by each of their own addresses: who came to a node port of one is answered by way of it. Off the fast path. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u8[16]);
	__type(value, __u32); /* index into `remotes` */
} hosts __weak SEC(".maps");

/* What the bearer of a packet says of who sent it. */
struct told {
	__u32 identity; /* the tunnel's; 0: nothing */
	__u32 remote;   /* which host's tunnel: index into `remotes` */
	bool by_stack;  /* the host's own stack sends it: its addresses are its own */
	bool to_port;   /* it came to a port of this host's, or of the tunnel's, for the endpoint: to which says `ports_asked` */
};

struct port_asked {
	__u8 address[16];
	__be16 port;
	__u16 _pad0;
};

/* verifier: too large for the stack; of the packet that this CPU has before it. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct port_asked);
} ports_asked __weak SEC(".maps");

static __always_inline struct port_asked *port_asked(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&ports_asked, &zero);
}

static __always_inline const struct forwarding *forwarding_now(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&forwarding, &zero);
}

static __always_inline const struct route *route_to(const __u8 address[16])
{
	struct route_key key = { .prefix_bits = 128 };

	__builtin_memcpy(key.address, address, 16);
	return bpf_map_lookup_elem(&routes, &key);
}

/* To the tunnel port of a host, from a pod: it would pass for that pod's host there. */
static __always_inline bool path_is_forged_tunnel(const struct flow_key *key, const struct forwarding *now)
{
	return key->proto == IPPROTO_UDP && key->dport == now->tunnel_port;
}

/* Whether packets go on by it. */
static __always_inline bool verdict_forwards(int verdict)
{
	return verdict == VERDICT_FORWARD || verdict == VERDICT_WOULD_DROP;
}

static __always_inline void path_refuse(struct flow_path *path, enum path_reason reason)
{
	path->kind = PATH_NONE;
	path->verdict = VERDICT_DROP;
	path->reason = reason;
}

static __always_inline void path_take_route(struct flow_path *path, const struct flow_key *key,
					    const struct forwarding *now)
{
	const struct route *route = route_to(key->daddr);

	if (!route) {
		path_refuse(path, PATH_REASON_NO_ROUTE);
		return;
	}
	path->kind = route->kind;
	path->remote = route->remote;
	path->peer_identity = route->identity;
	path->ifindex = now->uplink;
	path->verdict = route->kind == PATH_PUNT ? VERDICT_PUNT : VERDICT_FORWARD;
	if (route->kind == PATH_HOST && path_is_forged_tunnel(key, now))
		path_refuse(path, PATH_REASON_TUNNEL_FORGED);
}

/* As the endpoint sees the flow: what it sends goes to key->daddr. The path must be all zero. */
static __noinline int path_decide(struct flow_path *path, const struct flow_key *key)
{
	const struct forwarding *now = forwarding_now();
	const struct local *here, *peer;

	if (!path || !key || !now)
		return -1;
	path->generation = now->generation;
	here = local_of(key->saddr, now);
	if (here)
		path->identity = here->identity;
	peer = local_of(key->daddr, now);
	if (!peer) {
		path_take_route(path, key, now);
		return 0;
	}
	path->kind = PATH_LOCAL;
	path->verdict = VERDICT_FORWARD;
	path->ifindex = peer->ifindex;
	path->peer_identity = peer->identity;
	path->peer_endpoint = peer->endpoint_id;
	return 0;
}

static __always_inline bool path_is_current(const struct flow_path *path, const struct forwarding *now)
{
	return READ_ONCE(path->generation) == now->generation;
}

/* Whether the far side knows the flow by the port of this host's that a packet came to, if it came to one. `told`: NULL of a pod's own. */
static __always_inline bool path_has_port(const struct flow_path *path, const struct told *told)
{
	const struct port_asked *asked = told && told->to_port ? port_asked() : NULL;

	return !asked || (path->nat_port == asked->port && address_equals(path->nat_address, asked->address));
}

/* What of a path a packet is sent by. */
struct way {
	__u32 kind; /* enum path_kind */
	__u32 ifindex;
	__u32 remote;
	__u32 identity;
	__u32 peer_endpoint;
	__be16 nat_port; /* MASQUERADE, and where the flow came to a port of a host's: what the source's becomes */
	__be16 nat_dst_port; /* what the destination's becomes; 0: it stays, and so does the source's */
	__be16 wire_port;    /* what the source's becomes at the link; 0: it stays */
	__u16 _pad0;
	__u8 nat_address[16];
	__u8 nat_dst[16];
};

/* verifier: too large for the stack, of which a packet's whole way down has 512 bytes. None is in the middle of another. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct way);
} ways __weak SEC(".maps");

/* As the last packet left it. */
static __always_inline struct way *way_begin(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&ways, &zero);
}

/* But for the addresses that go with the ports. */
static __always_inline void way_take(struct way *way, const struct flow_path *path)
{
	way->kind = path->kind;
	way->ifindex = path->ifindex;
	way->remote = path->remote;
	way->identity = path->identity;
	way->peer_endpoint = path->peer_endpoint;
	way->nat_port = path->nat_port;
	way->nat_dst_port = path->nat_dst_port;
}

static __always_inline void way_take_target(struct way *way, const struct flow_path *path)
{
	way->wire_port = path->wire_port;
	__builtin_memcpy(way->nat_dst, path->nat_dst, 16);
}

static __always_inline void way_of(struct way *way, const struct flow_path *path)
{
	way_take(way, path);
	__builtin_memcpy(way->nat_address, path->nat_address, 16);
	way_take_target(way, path);
}

/* The fast path may only be right or absent: false unless all was read as one decision under this generation wrote it. */
static __always_inline bool way_read(struct way *way, const struct flow_path *path, const struct forwarding *now)
{
	if (!path_is_current(path, now) || !verdict_forwards(path->verdict))
		return false;
	way_take(way, path);
	/* Of most flows neither: those of the packet before may stay, where nobody looks. */
	if (way->nat_port)
		__builtin_memcpy(way->nat_address, path->nat_address, 16);
	if (way->nat_dst_port)
		way_take_target(way, path);
	return path_is_current(path, now);
}

/*
 * What only says that nobody knows, or that there is nothing now, isn't kept: the next packet may find it otherwise. Nor is
 * what can't be masqueraded: what is received passes.
 */
static __always_inline bool path_is_lasting(const struct flow_path *decided)
{
	return decided->verdict != VERDICT_PUNT && decided->reason != PATH_REASON_UNRESOLVED &&
	       decided->reason != PATH_REASON_NO_PORT && decided->reason != PATH_REASON_UNTRANSLATABLE &&
	       decided->reason != PATH_REASON_NO_BACKEND && decided->reason != PATH_REASON_NO_SERVICE;
}

/*
 * The backend, which is kept whether the way to it is known or not; its port last, by which a reader goes. Without one: the
 * flow's last connection may have had one, and this one has none.
 */
static __always_inline void path_keep_target(struct flow_path *to, const struct flow_path *decided)
{
	if (to->backend == decided->backend && to->nat_dst_port == decided->nat_dst_port &&
	    to->wire_port == decided->wire_port && address_equals(to->nat_dst, decided->nat_dst))
		return; /* host ports' all have one number */
	WRITE_ONCE(to->backend, decided->backend);
	__builtin_memcpy(to->nat_dst, decided->nat_dst, 16);
	WRITE_ONCE(to->wire_port, decided->wire_port);
	WRITE_ONCE(to->nat_dst_port, decided->nat_dst_port);
}

/*
 * race: one CPU at a time writes, and none may follow what is half written: `generation` says DECIDING meanwhile,
 * which is nobody's present one. Who finds another at it acts by his own decision and keeps nothing.
 * `anew`: what was kept before was about another connection, and holds no longer whatever comes of this one.
 */
static __always_inline void path_keep(struct flow_path *to, const struct flow_path *decided, bool anew)
{
	__u32 before = READ_ONCE(to->generation);
	bool lasting = path_is_lasting(decided);

	if ((!lasting && !anew && !decided->nat_dst_port && !to->nat_dst_port && !decided->wire_port) || before == PATH_DECIDING ||
	    __sync_val_compare_and_swap(&to->generation, before, PATH_DECIDING) != before)
		return;
	path_keep_target(to, decided);
	if (!lasting) {
		__sync_val_compare_and_swap(&to->generation, PATH_DECIDING, 0);
		return;
	}
	to->verdict = decided->verdict;
	to->kind = decided->kind;
	to->reason = decided->reason;
	to->ifindex = decided->ifindex;
	to->remote = decided->remote;
	to->identity = decided->identity;
	to->peer_identity = decided->peer_identity;
	to->peer_endpoint = decided->peer_endpoint;
	if (decided->nat_port && to->nat_port != decided->nat_port) {
		__builtin_memcpy(to->nat_address, decided->nat_address, 16);
		WRITE_ONCE(to->nat_port, decided->nat_port);
	}
	to->rule = decided->rule;
	to->revision = decided->revision;
	__sync_val_compare_and_swap(&to->generation, PATH_DECIDING, decided->generation);
}

#endif
