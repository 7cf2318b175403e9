// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0)
/*
 * Trace session "connections": TCP connections as their sockets live them. Attached by the agent for one
 * session and never pinned. Changes nothing. Says who only where the kernel is in that process's context:
 * when it connects.
 */
#include "lib/load_memory.h"
#include "lib/dropped.h"
#include "lib/socket_key.h"
#include "lib/trace.h"

#define ERRNO_CONNECTION_RESET 104

/* What is remembered of a connection between its events. */
struct connection {
	__u64 connect_ns; /* 0: passive, or opened before the session */
	__u64 established_ns;
	__u32 pid;
	__u8 comm[TRACE_COMM_BYTES];
	__u32 _pad0;
};

/*
 * 16,384 x about 96 bytes = 1.6 MB; the least recently used go first, closed ones included. A connection whose
 * entry is gone closes without latency and process. Cookies are never used twice.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64); /* socket cookie */
	__type(value, struct connection);
} connections SEC(".maps");

/* One event in the making. */
struct step {
	struct flow_key flow;
	enum trace_connection_step kind;
	__u64 now;
	__u64 netns_cookie;
	__u64 cgroup_id;
	__u64 socket_cookie;
	__u64 latency_ns;
	__u32 error;
};

static __always_inline void step_take_socket(struct trace_event_connection *event, const struct sock *sk)
{
	const struct tcp_sock *tcp = (const struct tcp_sock *)sk;

	bool fin_received = BPF_CORE_READ(sk, __sk_common.skc_flags) & (1UL << SOCK_DONE);

	event->bytes_sent = BPF_CORE_READ(tcp, bytes_sent) - BPF_CORE_READ(tcp, bytes_retrans);
	event->bytes_received = BPF_CORE_READ(tcp, bytes_received) - fin_received; /* a FIN counts as a byte */
	event->rtt_us = BPF_CORE_READ(tcp, srtt_us) >> 3;
	event->retransmits = BPF_CORE_READ(tcp, total_retrans);
}

static __always_inline void step_take_process(struct trace_event_header *header, const struct connection *connection)
{
	if (!connection)
		return;
	header->pid = connection->pid;
	__builtin_memcpy(header->comm, connection->comm, TRACE_COMM_BYTES);
}

static __noinline int step_send(const struct step *step, const struct sock *sk)
{
	struct trace_event_connection *event;

	if (!step || !trace_take(step->now))
		return 0;
	event = bpf_ringbuf_reserve(&trace_events, sizeof(*event), 0);
	trace_count_sent(event);
	if (!event)
		return 0;
	__builtin_memset(event, 0, sizeof(*event));
	trace_header_begin(&event->header, step->now);
	event->header.netns_cookie = step->netns_cookie;
	event->header.cgroup_id = step->cgroup_id;
	step_take_process(&event->header, bpf_map_lookup_elem(&connections, &step->socket_cookie));
	event->flow = step->flow;
	event->step = step->kind;
	event->latency_ns = step->latency_ns;
	event->socket_cookie = step->socket_cookie;
	event->error = step->error;
	if (sk)
		step_take_socket(event, sk);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* false: not for this session. */
static __always_inline bool step_begin(struct step *step, const struct sock *sk)
{
	step->netns_cookie = socket_netns_cookie(&sk->__sk_common);
	if (trace_netns_kind(step->netns_cookie) < 0)
		return false;
	step->now = bpf_ktime_get_boot_ns();
	if (trace_lease_is_over(step->now))
		return false;
	step->cgroup_id = socket_cgroup_id(sk);
	if (!flow_key_from_socket(&step->flow, &sk->__sk_common, IPPROTO_TCP))
		return false;
	if (!step->flow.sport) /* a socket that has closed has given its port back, and still knows it */
		step->flow.sport = BPF_CORE_READ((const struct inet_sock *)sk, inet_sport);
	return trace_cgroup_matches(step->cgroup_id) && trace_flow_matches(&step->flow);
}

/* In the context of the process that called connect. */
static __always_inline void connection_starts(struct step *step, const struct sock *sk)
{
	struct connection connection = { .connect_ns = step->now };

	connection.pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(connection.comm, sizeof(connection.comm));
	bpf_map_update_elem(&connections, &step->socket_cookie, &connection, BPF_ANY);
	step->kind = TRACE_CONNECT;
	step_send(step, sk);
}

static __always_inline void connection_established(struct step *step, const struct sock *sk, int old_state)
{
	struct connection *known = bpf_map_lookup_elem(&connections, &step->socket_cookie);

	if (known) {
		known->established_ns = step->now;
		step->latency_ns = step->now - known->connect_ns;
	} else {
		struct connection connection = { .established_ns = step->now };

		bpf_map_update_elem(&connections, &step->socket_cookie, &connection, BPF_ANY);
	}
	if (old_state == TCP_SYN_RECV) {
		const struct tcp_sock *tcp = (const struct tcp_sock *)sk;

		step->kind = TRACE_ACCEPT;
		step->latency_ns = 0;
		step_send(step, sk);
		/* The only measurement yet: from the SYN's answer to now. */
		step->latency_ns = (__u64)(BPF_CORE_READ(tcp, srtt_us) >> 3) * 1000;
	}
	step->kind = TRACE_ESTABLISHED;
	step_send(step, sk);
}

static __always_inline void connection_ends(struct step *step, const struct sock *sk, int old_state)
{
	struct connection *known = bpf_map_lookup_elem(&connections, &step->socket_cookie);

	step->kind = old_state == TCP_SYN_SENT ? TRACE_CONNECT_FAILED : TRACE_CLOSE;
	step->error = BPF_CORE_READ(sk, sk_err);
	if (known)
		step->latency_ns = step->now - (known->established_ns ?: known->connect_ns);
	step_send(step, sk);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(trace_socket_state, struct sock *sk, int old_state, int new_state)
{
	struct step step = {};

	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP || old_state == TCP_LISTEN || old_state == new_state)
		return 0;
	if (new_state != TCP_SYN_SENT && new_state != TCP_ESTABLISHED && new_state != TCP_CLOSE)
		return 0;
	if (!step_begin(&step, sk))
		return 0;
	step.socket_cookie = bpf_get_socket_cookie(sk);
	if (new_state == TCP_SYN_SENT)
		connection_starts(&step, sk);
	else if (new_state == TCP_ESTABLISHED)
		connection_established(&step, sk, old_state);
	else
		connection_ends(&step, sk, old_state);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(trace_reset_received, struct sock *sk)
{
	struct step step = { .kind = TRACE_RESET, .error = ERRNO_CONNECTION_RESET };

	if (!step_begin(&step, sk))
		return 0;
	step.socket_cookie = bpf_get_socket_cookie(sk);
	step_send(&step, sk);
	return 0;
}

/* A segment that gets a reset for an answer, often one that no socket is there for. */
static __always_inline bool step_begin_from_packet(struct step *step, struct sk_buff *skb)
{
	struct dropped dropped = {};
	struct packet packet = {};

	dropped_read_place(&dropped, skb);
	step->netns_cookie = dropped.netns_cookie;
	if (trace_netns_kind(step->netns_cookie) < 0)
		return false;
	step->now = bpf_ktime_get_boot_ns();
	if (trace_lease_is_over(step->now))
		return false;
	dropped_read_headers(&dropped, skb);
	if (!dropped_parse(&dropped, &packet))
		return false;
	flow_reverse(&step->flow, &packet.key);
	return trace_flow_matches(&step->flow);
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(trace_reset_sent, struct sock *sk, struct sk_buff *skb)
{
	struct step step = { .kind = TRACE_RESET };

	if (skb) {
		/* Not the socket's tuple: it may be a listener's, or there may be none. */
		if (step_begin_from_packet(&step, skb))
			step_send(&step, NULL);
	} else if (sk && step_begin(&step, sk)) {
		step.socket_cookie = bpf_get_socket_cookie(sk);
		step_send(&step, sk);
	}
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
