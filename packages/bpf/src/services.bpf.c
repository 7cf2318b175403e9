// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0)
/*
 * Service balancing where a socket connects or sends: the address it names is exchanged for a backend's before there is
 * a packet, so that no packet costs anything; where it asks who is at the other end, it is shown the virtual address.
 *
 * All are attached to the root cgroup, with others, and act only on sockets of the namespaces in `service_clients`.
 * Connect and sendmsg answer 1, go on, or 0 with ECONNREFUSED; recvmsg and getpeername can only answer 1. What doesn't
 * come from a socket of a pod is not translated here. What a flow was asked for is noted, and read by the agent.
 */
#include "lib/entry.h"
#include "lib/flow_batch.h"
#include "lib/namespaces.h"
#include "lib/service_socket.h"
#include "lib/socket_key.h"
#include "lib/sockops_key.h"

#define SOCKET_GOES_ON 1
#define ECONNREFUSED 111
#define ECONNRESET 104

static __always_inline int service_refuse(void)
{
	bpf_set_retval(-ECONNREFUSED);
	return 0;
}

static __always_inline void address_from_user6(__u8 address[16], struct bpf_sock_addr *ctx)
{
	__u32 *words = (__u32 *)address;

	words[0] = ctx->user_ip6[0];
	words[1] = ctx->user_ip6[1];
	words[2] = ctx->user_ip6[2];
	words[3] = ctx->user_ip6[3];
}

static __always_inline void address_to_user6(struct bpf_sock_addr *ctx, const __u8 address[16])
{
	const __u32 *words = (const __u32 *)address;

	ctx->user_ip6[0] = words[0];
	ctx->user_ip6[1] = words[1];
	ctx->user_ip6[2] = words[2];
	ctx->user_ip6[3] = words[3];
}

static __always_inline __u32 address_ip4(const __u8 address[16])
{
	return ((const __u32 *)address)[3];
}

static __always_inline int service_answer4(struct bpf_sock_addr *ctx, const struct service_pick *pick, int answer)
{
	if (answer == SERVICE_REFUSE)
		return service_refuse();
	if (answer == SERVICE_TRANSLATE) {
		ctx->user_ip4 = address_ip4(pick->backend.address);
		ctx->user_port = pick->backend.port;
	}
	return SOCKET_GOES_ON;
}

/* Also of IPv6 sockets that name a mapped IPv4 address: a service of IPv4 has mapped backends. */
static __always_inline int service_answer6(struct bpf_sock_addr *ctx, const struct service_pick *pick, int answer)
{
	if (answer == SERVICE_REFUSE)
		return service_refuse();
	if (answer == SERVICE_TRANSLATE) {
		address_to_user6(ctx, pick->backend.address);
		ctx->user_port = pick->backend.port;
	}
	return SOCKET_GOES_ON;
}

SEC("cgroup/connect4")
int service_connect4(struct bpf_sock_addr *ctx)
{
	struct service_pick pick = {};

	if (!service_begin(&pick, ctx))
		return SOCKET_GOES_ON;
	address_from_ip4(pick.key.address, ctx->user_ip4);
	return service_answer4(ctx, &pick, service_connect(ctx, &pick));
}

SEC("cgroup/connect6")
int service_connect6(struct bpf_sock_addr *ctx)
{
	struct service_pick pick = {};

	if (!service_begin(&pick, ctx))
		return SOCKET_GOES_ON;
	address_from_user6(pick.key.address, ctx);
	return service_answer6(ctx, &pick, service_connect(ctx, &pick));
}

SEC("cgroup/sendmsg4")
int service_sendmsg4(struct bpf_sock_addr *ctx)
{
	struct service_pick pick = {};

	if (!service_begin(&pick, ctx))
		return SOCKET_GOES_ON;
	address_from_ip4(pick.key.address, ctx->user_ip4);
	return service_answer4(ctx, &pick, service_send(ctx, &pick));
}

SEC("cgroup/sendmsg6")
int service_sendmsg6(struct bpf_sock_addr *ctx)
{
	struct service_pick pick = {};

	if (!service_begin(&pick, ctx))
		return SOCKET_GOES_ON;
	address_from_user6(pick.key.address, ctx);
	return service_answer6(ctx, &pick, service_send(ctx, &pick));
}

static __always_inline int service_show4(struct bpf_sock_addr *ctx)
{
	struct service_pick pick = {};
	const struct service_key *virtual;

	if (!service_begin(&pick, ctx))
		return SOCKET_GOES_ON;
	address_from_ip4(pick.key.address, ctx->user_ip4);
	virtual = service_shown(ctx, &pick);
	if (virtual) {
		ctx->user_ip4 = address_ip4(virtual->address);
		ctx->user_port = virtual->port;
	}
	return SOCKET_GOES_ON;
}

static __always_inline int service_show6(struct bpf_sock_addr *ctx)
{
	struct service_pick pick = {};
	const struct service_key *virtual;

	if (!service_begin(&pick, ctx))
		return SOCKET_GOES_ON;
	address_from_user6(pick.key.address, ctx);
	virtual = service_shown(ctx, &pick);
	if (virtual) {
		address_to_user6(ctx, virtual->address);
		ctx->user_port = virtual->port;
	}
	return SOCKET_GOES_ON;
}

SEC("cgroup/recvmsg4")
int service_recvmsg4(struct bpf_sock_addr *ctx)
{
	return service_show4(ctx);
}

SEC("cgroup/recvmsg6")
int service_recvmsg6(struct bpf_sock_addr *ctx)
{
	return service_show6(ctx);
}

SEC("cgroup/getpeername4")
int service_getpeername4(struct bpf_sock_addr *ctx)
{
	return service_show4(ctx);
}

SEC("cgroup/getpeername6")
int service_getpeername6(struct bpf_sock_addr *ctx)
{
	return service_show6(ctx);
}

/*
 * 16,384 x 128 bytes. Full: the flow that was opened longest ago is shown with its backend alone.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct flow_key);
	__type(value, struct service_flow);
} service_flows SEC(".maps");

/*
 * Before a connection's SYN, when its port is known: notes what its flow was asked for. A tuple that was a service's
 * before and isn't now loses its note. 1 lets the socket go on.
 */
SEC("sockops")
int service_sockops(struct bpf_sock_ops *ops)
{
	struct service_socket *socket;
	struct service_flow flow = {};
	struct bpf_sock *sk = ops->sk; /* verifier: each read of the field is a pointer of its own */
	struct flow_key key = {};
	struct netns_info *info;

	if (ops->op != BPF_SOCK_OPS_TCP_CONNECT_CB || !sk)
		return 1;
	info = netns_lookup(bpf_get_netns_cookie(ops));
	if (!info || info->kind != NETNS_POD || !info->endpoint_count)
		return 1;
	flow_key_from_sockops(&key, ops);
	key.endpoint_id = info->endpoint_ids[0];
	socket = bpf_sk_storage_get(&service_sockets, sk, NULL, 0);
	if (!socket) {
		bpf_map_delete_elem(&service_flows, &key);
		return 1;
	}
	flow.virtual = socket->virtual;
	flow.service = socket->service;
	flow.backend = socket->backend;
	bpf_map_update_elem(&service_flows, &key, &flow, BPF_ANY);
	return 1;
}

/* One element: 20 KB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct service_flow_batch);
} service_answers SEC(".maps");

struct service_flow_walk {
	struct flow_retire_batch *asked;
	struct service_flow_batch *answers;
	__u32 count;
	__u32 found;
};

static long service_flow_step(__u64 index, struct service_flow_walk *walk)
{
	struct service_flow *noted;
	struct flow_key key;

	if (index >= walk->count || index >= FLOW_RETIRE_BATCH)
		return 1;
	key = walk->asked->keys[index];
	noted = bpf_map_lookup_elem(&service_flows, &key);
	if (noted) {
		walk->answers->virtual[index] = noted->virtual;
		walk->found++;
	} else {
		walk->answers->virtual[index].port = 0;
	}
	return 0;
}

/* Run by test-run: what the flows in `retire_batch` were asked for, into `service_answers`. How many are noted. */
SEC("syscall")
int service_flows_find(struct service_flow_request *request)
{
	struct service_flow_walk walk = { .count = request->count };
	__u32 zero = 0;

	walk.asked = bpf_map_lookup_elem(&retire_batch, &zero);
	walk.answers = bpf_map_lookup_elem(&service_answers, &zero);
	if (!walk.asked || !walk.answers)
		return 0;
	bpf_loop(FLOW_RETIRE_BATCH, service_flow_step, &walk, 0);
	return walk.found;
}

/* What became of a connect: NULL while nothing has. One that its program gave up unasked is none of the backend's doing. */
static __always_inline __u64 *connection_outcome(struct service_backend_counts *counts, struct sock *sk, int old_state,
						 int new_state)
{
	struct inet_connection_sock *connection = (struct inet_connection_sock *)sk;
	int error;

	if (old_state == TCP_SYN_SENT && new_state == TCP_ESTABLISHED)
		return &counts->answered;
	if (new_state != TCP_CLOSE)
		return NULL;
	error = BPF_CORE_READ(sk, sk_err);
	if (old_state != TCP_SYN_SENT)
		return error == ECONNRESET ? &counts->resets : NULL;
	return error || BPF_CORE_READ(connection, icsk_retransmits) ? &counts->failures : NULL;
}

/* What a backend's health is seen by without asking it. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(service_connection_moved, struct sock *sk, int old_state, int new_state)
{
	struct service_backend_counts *counts;
	struct service_socket *socket;
	__u64 *outcome;

	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP || (old_state != TCP_SYN_SENT && new_state != TCP_CLOSE))
		return 0;
	socket = bpf_sk_storage_get(&service_sockets, sk, NULL, 0);
	counts = socket ? bpf_map_lookup_elem(&service_backend_counts, &socket->backend) : NULL;
	outcome = counts ? connection_outcome(counts, sk, old_state, new_state) : NULL;
	if (outcome)
		__sync_fetch_and_add(outcome, 1);
	return 0;
}

/* The version of it in use. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} service_moved_now SEC(".maps");

SEC("tp_btf/inet_sock_set_state")
int service_connection_moved_entry(void *ctx)
{
	return entry_call(ctx, &service_moved_now);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
