/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Which backend a client of a virtual address is given. The tables are the agent's; nothing here knows whether it is a
 * socket that asks or a packet.
 */
#ifndef MILLRACE_LIB_SERVICE_H
#define MILLRACE_LIB_SERVICE_H

#include "lib/emit.h"
#include "lib/host_port.h"
#include "lib/node_port.h"
#include "shared/forward.h"
#include "shared/service.h"

/* What this host's pods use, a port an entry, never the fleet's: 16,384 x 92 bytes at most, allocated as it comes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct service_key);
	__type(value, struct service);
} services __weak SEC(".maps");

/* The prefixes that all virtual addresses lie in: what is outside of them costs one look-up here. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 64);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct route_key);
	__type(value, __u32);
} service_ranges __weak SEC(".maps");

/* All services' tables, one behind the other: 524,288 x 8 bytes = 4 MB. No room: the agent makes smaller tables. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << 19);
	__type(key, __u32);
	__type(value, __u32); /* a backend's number */
} service_slots __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct service_backend);
} service_backends __weak SEC(".maps");

/* Apart from what the agent writes, which would undo what was counted meanwhile. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct service_counts);
} service_counts __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct service_backend_counts);
} service_backend_counts __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SERVICE_COUNTS);
	__type(key, __u32);
	__type(value, __u64);
} service_totals __weak SEC(".maps");

struct service_client {
	__u64 client; /* as service_pick has it */
	__u32 service;
	__u32 _pad0;
};

struct service_affinity {
	__u64 at_ns; /* of its last connection */
	__u32 backend;
	__u32 _pad0;
};

/* 8,192 x 88 bytes. Full: the client that connected longest ago is given any backend the next time. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct service_client);
	__type(value, struct service_affinity);
} service_affinities __weak SEC(".maps");

#define NS_PER_SECOND 1000000000ull

/* Where a backend's number stands: ones that no backend has. */
#define SERVICE_HOST_PORT_BACKEND 0xffffffff
#define SERVICE_NAMED_BACKEND 0xfffffffe /* whom the flow names itself: it has another port beyond the link */

enum service_answer {
	SERVICE_PASS,      /* no service's address */
	SERVICE_TRANSLATE, /* to pick->backend */
	SERVICE_REFUSE,    /* pick->why */
	SERVICE_UNKNOWN,   /* this host has not been told of the address yet */
};

struct service_pick {
	struct service_key key; /* what is asked for, by whom, and by which slot: the caller's. Unknown: what the agent is to be asked */
	__u32 choice; /* modulo the table's size: the slot */
	__u64 client; /* a pod is its endpoint's number */
	__u64 netns_cookie; /* of the socket that asks; 0: a packet does */
	struct service_backend backend; /* what it is given */
	__u32 backend_number;
	__u32 service;
	__u8 own[16]; /* of a node port: the address that was asked for */
	__u32 why; /* enum service_count, when it is refused */
	bool any; /* what the client was given before doesn't count */
	bool lasts; /* the client's next connections are to go there too */
};

static __always_inline void service_count_total(enum service_count what)
{
	__u32 index = what;
	__u64 *counter = bpf_map_lookup_elem(&service_totals, &index);

	if (counter)
		__sync_fetch_and_add(counter, 1); /* callers may be preempted */
}

static __always_inline enum service_answer service_refused(struct service_pick *pick, __u32 number,
							   enum service_count why)
{
	struct service_counts *counts = bpf_map_lookup_elem(&service_counts, &number);

	service_count_total(why);
	pick->why = why;
	if (counts)
		__sync_fetch_and_add(&counts->refused, 1);
	return SERVICE_REFUSE;
}

/* Whether the service still gives that backend to clients; then it is the pick. */
static __always_inline bool service_take_backend(struct service_pick *pick, __u32 number)
{
	const struct service_backend *backend = bpf_map_lookup_elem(&service_backends, &number);

	if (!backend)
		return false;
	pick->backend = *backend;
	pick->backend_number = number;
	return pick->backend.service == pick->service;
}

static __always_inline bool service_take_same(struct service_pick *pick, const struct service *service)
{
	struct service_client client = { .client = pick->client, .service = service->number };
	const struct service_affinity *known = bpf_map_lookup_elem(&service_affinities, &client);

	if (!known || bpf_ktime_get_boot_ns() - known->at_ns >= service->affinity_seconds * NS_PER_SECOND)
		return false;
	return service_take_backend(pick, known->backend);
}

static __always_inline bool service_take_slot(struct service_pick *pick, const struct service *service)
{
	__u32 slot = service->slot_base + pick->choice % service->slot_count;
	const __u32 *number = bpf_map_lookup_elem(&service_slots, &slot);

	return number && service_take_backend(pick, *number);
}

/* Of an address that lies among the virtual ones, but has no such port. */
static __always_inline enum service_answer service_missing(struct service_pick *pick)
{
	struct service_key address = {};

	__builtin_memcpy(address.address, pick->key.address, 16);
	if (bpf_map_lookup_elem(&services, &address))
		return service_refused(pick, 0, SERVICE_COUNT_ABSENT);
	return SERVICE_UNKNOWN;
}

/*
 * race: an element that was removed may be another key's by the time it is read, and a table may be moved. What was
 * read belongs together only if the backend says that it is this service's, and the service is still where it was found.
 */
static __noinline int service_try(struct service_pick *pick)
{
	const struct service *found;
	struct service service;
	bool taken;

	if (!pick)
		return SERVICE_PASS;
	found = bpf_map_lookup_elem(&services, &pick->key);
	if (!found)
		return service_missing(pick);
	service = *found;
	pick->service = service.number;
	if (!service.slot_count)
		return service_refused(pick, service.number, SERVICE_COUNT_EMPTY);
	taken = (service.affinity_seconds && !pick->any && service_take_same(pick, &service)) ||
		service_take_slot(pick, &service);
	pick->lasts = service.affinity_seconds != 0;
	if (!taken || bpf_map_lookup_elem(&services, &pick->key) != found)
		return -1;
	return SERVICE_TRANSLATE;
}

static __always_inline bool address_is_virtual(const __u8 address[16])
{
	struct route_key range = { .prefix_bits = 128 };

	__builtin_memcpy(range.address, address, 16);
	return bpf_map_lookup_elem(&service_ranges, &range);
}

static __always_inline int service_take_host_port(struct service_pick *pick)
{
	const struct service_backend *pod = bpf_map_lookup_elem(&host_ports, &pick->key);

	if (!pod)
		return SERVICE_PASS;
	pick->backend = *pod;
	pick->backend_number = SERVICE_HOST_PORT_BACKEND;
	return SERVICE_TRANSLATE;
}

static __always_inline int service_try_again(struct service_pick *pick)
{
	for (__u32 i = 0; i < SERVICE_TRIES; i++) {
		int answer = service_try(pick);

		if (answer >= 0)
			return answer;
	}
	return service_refused(pick, pick->service, SERVICE_COUNT_RACED);
}

/* The key is a node port's. What is no service's port is the host's own, and not refused. */
static __always_inline int service_at_node_port(struct service_pick *pick)
{
	struct service_key itself = {};

	if (bpf_map_lookup_elem(&services, &pick->key))
		return service_try_again(pick);
	__builtin_memcpy(itself.address, pick->key.address, 16);
	return bpf_map_lookup_elem(&services, &itself) ? SERVICE_PASS : SERVICE_UNKNOWN;
}

/* Of a port of this host's own address, where it may lead to a service: what is known leaves the key as it was asked for. */
static __always_inline int service_take_node_port(struct service_pick *pick)
{
	const struct forwarding *now = forwarding_now();
	struct service_key *key = &pick->key;
	int answer;

	if (!now || !node_port_may_be(key->address, key->port, key->proto, now))
		return SERVICE_PASS;
	__builtin_memcpy(pick->own, key->address, 16);
	node_port_address(key->address, address_family(key->address), key->proto, key->port);
	answer = service_at_node_port(pick);
	if (answer != SERVICE_UNKNOWN)
		__builtin_memcpy(key->address, pick->own, 16);
	return answer;
}

/* Chooses a backend, and counts it when there is none; that it is taken is the caller's to say (service_opened). */
static __always_inline int service_choose(struct service_pick *pick)
{
	int answer;

	if (!pick)
		return SERVICE_PASS;
	if (address_is_virtual(pick->key.address))
		return service_try_again(pick);
	answer = service_take_host_port(pick);
	return answer == SERVICE_PASS ? service_take_node_port(pick) : answer;
}

static __always_inline void service_keep_affinity(const struct service_pick *pick)
{
	struct service_client client = { .client = pick->client, .service = pick->service };
	struct service_affinity chosen = { .backend = pick->backend_number };

	chosen.at_ns = bpf_ktime_get_boot_ns();
	bpf_map_update_elem(&service_affinities, &client, &chosen, BPF_ANY);
}

/* A connection, or what counts as one, has what was picked for it: counted, and the client's from now on. */
static __noinline int service_opened(const struct service_pick *pick)
{
	struct service_counts *service;
	struct service_backend_counts *backend;

	if (!pick)
		return 0;
	service = bpf_map_lookup_elem(&service_counts, &pick->service);
	backend = bpf_map_lookup_elem(&service_backend_counts, &pick->backend_number);
	service_count_total(SERVICE_COUNT_TRANSLATED);
	if (service)
		__sync_fetch_and_add(&service->opened, 1);
	if (backend)
		__sync_fetch_and_add(&backend->opened, 1);
	if (pick->lasts)
		service_keep_affinity(pick);
	return 0;
}

#endif
