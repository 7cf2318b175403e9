/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * What a socket asked for and what it was given, so that it goes on being shown the virtual address. For the cgroup's
 * hooks; how a backend is chosen is in service.h.
 */
#ifndef MILLRACE_SERVICE_SOCKET_H
#define MILLRACE_SERVICE_SOCKET_H

#include "lib/namespaces.h"
#include "lib/packet.h"
#include "lib/service.h"

/* Of a socket; goes with it. A draining backend has no other trace here than its sockets. */
struct service_socket {
	struct service_key virtual;
	__u32 backend;
	__u32 service;
	__u8 address[16]; /* the backend's */
	__be16 port;
	__u16 connected; /* to it; else the last of those it sent datagrams to */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct service_socket);
} service_sockets __weak SEC(".maps");

struct service_sender {
	__u64 socket_cookie;
	__u8 address[16];
	__be16 port;
	__u16 _pad0;
	__u32 _pad1;
};

/*
 * For sockets that send to more than one service: 8,192 x 112 bytes. Full: an answer from the backend that was sent to
 * longest ago shows that backend's address.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct service_sender);
	__type(value, struct service_key);
} service_senders __weak SEC(".maps");

/* Namespaces of the pods whose packets this host's agent carries: sockets of others are left alone. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u32);
} service_clients __weak SEC(".maps");

/* When an address was last asked for. Full: the same address is asked for again sooner. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u8[16]);
	__type(value, __u64);
} service_asked __weak SEC(".maps");

#define SERVICE_ASK_AGAIN_NS 1000000000ull

/* The agent is told, unless it was a moment ago. */
static __noinline int service_ask(const struct service_pick *pick)
{
	__u64 now = bpf_ktime_get_boot_ns();
	struct event_service_asked *event;
	const __u64 *last;

	if (!pick)
		return 0;
	last = bpf_map_lookup_elem(&service_asked, pick->key.address);
	if (last && now - *last < SERVICE_ASK_AGAIN_NS)
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return emit_lost(EVENT_SERVICE_ASKED); /* and the next one tries again */
	event_begin(&event->header, EVENT_SERVICE_ASKED);
	event->key = pick->key;
	event->_pad0 = 0;
	event->netns_cookie = pick->netns_cookie;
	bpf_ringbuf_submit(event, 0);
	bpf_map_update_elem(&service_asked, pick->key.address, &now, BPF_ANY);
	return 0;
}

/* A pod is one client, whether its sockets ask or its packets do. */
static __always_inline __u64 service_client_in(__u64 netns_cookie)
{
	const struct netns_info *info = netns_lookup(netns_cookie);

	return info && info->endpoint_count ? info->endpoint_ids[0] : netns_cookie;
}

/* false: none of ours, or no protocol that services are found by here. MPTCP's number ends in TCP's byte. */
static __always_inline bool service_begin(struct service_pick *pick, struct bpf_sock_addr *ctx)
{
	pick->key.proto = ctx->protocol;
	if (pick->key.proto != IPPROTO_TCP && pick->key.proto != IPPROTO_UDP)
		return false;
	pick->key.port = ctx->user_port;
	pick->netns_cookie = bpf_get_netns_cookie(ctx);
	return bpf_map_lookup_elem(&service_clients, &pick->netns_cookie);
}

/* What isn't known goes on as it is: its packets are held until it is, and translated one by one. */
static __noinline int service_choose_socket(struct service_pick *pick)
{
	int answer;

	if (!pick)
		return SERVICE_PASS;
	pick->client = service_client_in(pick->netns_cookie);
	pick->choice = bpf_get_prandom_u32();
	answer = service_choose(pick);
	if (answer == SERVICE_TRANSLATE)
		service_opened(pick);
	if (answer != SERVICE_UNKNOWN)
		return answer;
	service_count_total(SERVICE_COUNT_UNKNOWN);
	service_ask(pick);
	return SERVICE_PASS;
}

static __always_inline bool service_key_is(const struct service_key *a, const struct service_key *b)
{
	return a->port == b->port && a->proto == b->proto && address_equals(a->address, b->address);
}

static __always_inline void service_remember(struct bpf_sock_addr *ctx, const struct service_pick *pick, bool connected)
{
	struct service_socket *socket =
		bpf_sk_storage_get(&service_sockets, ctx->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (!socket) {
		service_count_total(SERVICE_COUNT_FORGOTTEN);
		return;
	}
	socket->virtual = pick->key;
	socket->backend = pick->backend_number;
	socket->service = pick->service;
	__builtin_memcpy(socket->address, pick->backend.address, 16);
	socket->port = pick->backend.port;
	socket->connected = connected;
}

/* A socket that connects. What it was given before is over, whatever comes of this. */
static __always_inline int service_connect(struct bpf_sock_addr *ctx, struct service_pick *pick)
{
	int answer = service_choose_socket(pick);

	if (answer == SERVICE_TRANSLATE)
		service_remember(ctx, pick, true);
	else if (bpf_sk_storage_get(&service_sockets, ctx->sk, NULL, 0))
		bpf_sk_storage_delete(&service_sockets, ctx->sk);
	return answer;
}

static __always_inline void service_remember_sender(struct bpf_sock_addr *ctx, const struct service_pick *pick)
{
	struct service_sender from = { .socket_cookie = bpf_get_socket_cookie(ctx), .port = pick->backend.port };

	__builtin_memcpy(from.address, pick->backend.address, 16);
	bpf_map_update_elem(&service_senders, &from, &pick->key, BPF_ANY);
}

/* A datagram with an address. One socket's go to one backend, while it is one. */
static __always_inline int service_send(struct bpf_sock_addr *ctx, struct service_pick *pick)
{
	struct service_socket *socket = bpf_sk_storage_get(&service_sockets, ctx->sk, NULL, 0);
	bool connected = socket && socket->connected;
	int answer;

	if (socket && service_key_is(&socket->virtual, &pick->key)) {
		pick->service = socket->service;
		if (service_take_backend(pick, socket->backend))
			return SERVICE_TRANSLATE;
	}
	answer = service_choose_socket(pick);
	if (answer != SERVICE_TRANSLATE)
		return answer;
	service_remember_sender(ctx, pick);
	if (!connected)
		service_remember(ctx, pick, false);
	return answer;
}

/* What the socket knows the other end by, which is in pick->key; NULL: by its own address. */
static __always_inline const struct service_key *service_shown(struct bpf_sock_addr *ctx, const struct service_pick *pick)
{
	const struct service_socket *socket = bpf_sk_storage_get(&service_sockets, ctx->sk, NULL, 0);
	struct service_sender from = { .port = pick->key.port };

	if (!socket)
		return NULL;
	if (socket->port == pick->key.port && address_equals(socket->address, pick->key.address))
		return &socket->virtual;
	from.socket_cookie = bpf_get_socket_cookie(ctx);
	__builtin_memcpy(from.address, pick->key.address, 16);
	return bpf_map_lookup_elem(&service_senders, &from);
}

#endif
