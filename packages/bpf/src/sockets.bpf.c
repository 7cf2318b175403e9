// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0)
/*
 * What sockets know of their flows and packets don't show: RTT at the turns of a connection's life,
 * retransmits, cgroups. Between those turns the egress hook reads the RTT off the sending socket; a callback
 * per ACK (BPF_SOCK_OPS_RTT_CB) would cost more than everything else here. Nothing is ever set on a socket
 * but the flag that asks for its state changes; `reply` stays as others left it.
 */
#include "lib/count.h"
#include "lib/entry.h"
#include "lib/kernel.h"
#include "lib/namespaces.h"
#include "lib/socket_key.h"
#include "lib/sockops_key.h"
#include "shared/socket.h"

static __always_inline void flow_take_rtt_us(struct flow_record *record, __u32 rtt_us, __u32 rtt_min_us)
{
	if (!rtt_us)
		return;
	record->rtt_us = rtt_us;
	record->rtt_min_us = rtt_min_us;
}

/*
 * Root cgroup, attached by the agent with ALLOW_MULTI; sees every socket of the machine. 1 lets the socket
 * go on, and the programs of others too.
 */
SEC("sockops")
int tcp_sockops(struct bpf_sock_ops *ops)
{
	struct flow_key key = {};
	struct flow_record *record;
	struct netns_info *info;
	__u32 op = ops->op;

	if (op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB && op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB &&
	    op != BPF_SOCK_OPS_STATE_CB)
		return 1;
	info = netns_lookup(bpf_get_netns_cookie(ops));
	if (!info || info->kind != NETNS_POD)
		return 1;
	if (op != BPF_SOCK_OPS_STATE_CB)
		bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
	if (!ops->is_fullsock || !ops->srtt_us)
		return 1;
	flow_key_from_sockops(&key, ops);
	record = netns_flow_lookup(info, &key);
	if (record)
		flow_take_rtt_us(record, ops->srtt_us >> 3, ops->rtt_min);
	else
		count(OBSERVER_SOCKET_UNMATCHED);
	return 1;
}

/* The record of a socket of one of our pods, or NULL. */
static __always_inline struct flow_record *flow_of_socket(const struct sock_common *sk)
{
	struct netns_info *info = netns_lookup(socket_netns_cookie(sk));
	struct flow_key key = {};
	struct flow_record *record;

	if (!info || info->kind != NETNS_POD || !flow_key_from_socket(&key, sk, IPPROTO_TCP))
		return NULL;
	record = netns_flow_lookup(info, &key);
	if (!record)
		count(OBSERVER_SOCKET_UNMATCHED);
	return record;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(tcp_retransmit, const struct sock *sk, const struct sk_buff *skb)
{
	struct flow_record *record = flow_of_socket(&sk->__sk_common);
	const struct tcp_skb_cb *control = (const struct tcp_skb_cb *)skb->cb;

	if (record)
		__sync_fetch_and_add(&record->retransmits, BPF_CORE_READ(control, tcp_gso_segs) ?: 1);
	return 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(tcp_retransmit_answer, const struct sock *sk, const struct request_sock *request)
{
	struct flow_record *record = flow_of_socket(&request->__req_common);

	if (record)
		__sync_fetch_and_add(&record->retransmits, 1);
	return 0;
}

/* The versions of the two in use. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} retransmit_now SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} retransmit_answer_now SEC(".maps");

SEC("tp_btf/tcp_retransmit_skb")
int tcp_retransmit_entry(void *ctx)
{
	return entry_call(ctx, &retransmit_now);
}

SEC("tp_btf/tcp_retransmit_synack")
int tcp_retransmit_answer_entry(void *ctx)
{
	return entry_call(ctx, &retransmit_answer_now);
}

/* The server's side of a connection, before it sends its first byte. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state_changed, const struct sock *sk, int old_state, int new_state)
{
	struct flow_record *record;

	if (new_state != TCP_ESTABLISHED || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	record = flow_of_socket(&sk->__sk_common);
	if (record && !record->cgroup_id)
		record->cgroup_id = socket_cgroup_id(sk);
	return 0;
}

static __always_inline void socket_sample_take(struct socket_sample *sample, struct tcp_sock *tcp)
{
	const struct sock *sk = (const struct sock *)tcp;

	sample->cgroup_id = socket_cgroup_id(sk);
	sample->bytes_acked = BPF_CORE_READ(tcp, bytes_acked);
	sample->bytes_received = BPF_CORE_READ(tcp, bytes_received);
	sample->rtt_us = BPF_CORE_READ(tcp, srtt_us) >> 3;
	sample->rtt_min_us = BPF_CORE_READ(tcp, rtt_min.s[0].v);
	sample->retransmits = BPF_CORE_READ(tcp, total_retrans);
}

/* Read by the agent inside each namespace: a socket_sample for every connected TCP socket. */
SEC("iter/tcp")
int tcp_sockets(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common; /* verifier: the context field itself can't be NULL-checked */
	struct socket_sample sample = {};
	struct tcp_sock *tcp;

	if (!sk)
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	sample.state = sk->skc_state;
	if (!tcp || sample.state == TCP_LISTEN || sample.state == TCP_CLOSE)
		return 0;
	if (!flow_key_from_socket(&sample.key, sk, IPPROTO_TCP))
		return 0;
	sample.netns_cookie = socket_netns_cookie(sk);
	socket_sample_take(&sample, tcp);
	bpf_seq_write(ctx->meta->seq, &sample, sizeof(sample));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
