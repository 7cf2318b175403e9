// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0)
/*
 * Trace session "drops": every packet that is freed for a reason, with the kernel's stack and the packet's
 * headers. Attached by the agent for one session and never pinned. Changes nothing.
 */
#include "lib/load_memory.h"
#include "lib/drop_class.h" /* as the observer's: ordinary ends are left out; empty maps leave nothing out */
#include "lib/dropped.h"
#include "lib/socket_key.h"
#include "lib/trace.h"

/* In a host's namespace only packets from or to these are shown: others' are not ours to show. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u8[16]);
	__type(value, __u32);
} trace_addresses SEC(".maps");

static __always_inline bool flow_is_ours(const struct flow_key *flow)
{
	return bpf_map_lookup_elem(&trace_addresses, flow->saddr) ||
	       bpf_map_lookup_elem(&trace_addresses, flow->daddr);
}

/* The cgroup of the socket that sent the packet; 0 when it has none, or only a stand-in for one. */
static __always_inline __u64 dropped_cgroup_id(struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	__u8 state;

	if (!sk)
		return 0;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (state == TCP_NEW_SYN_RECV || state == TCP_TIME_WAIT)
		return 0;
	return socket_cgroup_id(sk);
}

static __noinline int trace_drop_send(void *ctx, const struct dropped *dropped, const struct packet *packet,
				      __u64 cgroup_id, __u64 now)
{
	struct trace_event_drop *event;
	long stack_bytes;

	if (!dropped || !packet)
		return 0;
	event = bpf_ringbuf_reserve(&trace_events, sizeof(*event), 0);
	trace_count_sent(event);
	if (!event)
		return 0;
	trace_header_begin(&event->header, now);
	event->header.netns_cookie = dropped->netns_cookie;
	event->header.cgroup_id = cgroup_id;
	event->flow = packet->key;
	event->ifindex = dropped->ifindex;
	event->packet_bytes = dropped->bytes;
	event->header_bytes = dropped_headers(dropped, event->headers, TRACE_HEADER_BYTES);
	__builtin_memset(event->stack, 0, sizeof(event->stack));
	stack_bytes = bpf_get_stack(ctx, event->stack, sizeof(event->stack), 0);
	event->stack_depth = stack_bytes > 0 ? stack_bytes / sizeof(__u64) : 0;
	event->reason = ((__u64 *)ctx)[2];
	event->location = ((__u64 *)ctx)[1];
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(trace_packet_dropped, struct sk_buff *skb, void *location, enum skb_drop_reason reason)
{
	__u64 now = bpf_ktime_get_boot_ns();
	struct dropped dropped = {};
	struct packet packet = {};
	__u64 cgroup_id;
	int kind;

	dropped_read_place(&dropped, skb);
	kind = trace_netns_kind(dropped.netns_cookie);
	if (kind < 0 || drop_is_ordinary(reason, (__u64)location) || trace_lease_is_over(now))
		return 0;
	dropped_read_headers(&dropped, skb);
	if (!dropped_parse(&dropped, &packet))
		__builtin_memset(&packet, 0, sizeof(packet));
	cgroup_id = dropped_cgroup_id(skb);
	if (!trace_flow_matches(&packet.key) || !trace_cgroup_matches(cgroup_id))
		return 0;
	if (kind == NETNS_HOST && !flow_is_ours(&packet.key))
		return 0;
	if (trace_take(now))
		trace_drop_send(ctx, &dropped, &packet, cgroup_id, now);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
