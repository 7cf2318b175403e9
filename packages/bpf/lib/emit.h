/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * The ring of observer events and what it could not take. Only for events: nothing is sent per packet.
 */
#ifndef MILLRACE_EMIT_H
#define MILLRACE_EMIT_H

#include "lib/kernel.h"
#include "shared/event.h"

/* 1 MB: 13,000 openings, or one second at 10,000 flows/s. Full: the event is lost and counted by kind. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EVENT_KINDS);
	__type(key, __u32);
	__type(value, __u64);
} ring_lost __weak SEC(".maps");

static __noinline int emit_lost(__u32 kind)
{
	__u64 *lost = bpf_map_lookup_elem(&ring_lost, &kind);

	if (lost)
		__sync_fetch_and_add(lost, 1);
	return 0;
}

static __always_inline void event_begin(struct event_header *header, enum event_kind kind)
{
	header->kind = kind;
	header->cpu = bpf_get_smp_processor_id();
	header->at_ns = bpf_ktime_get_boot_ns();
}

static __noinline int emit_flow_opened(const struct flow_key *key, __u64 cgroup_id)
{
	struct event_flow_opened *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return emit_lost(EVENT_FLOW_OPENED);
	event_begin(&event->header, EVENT_FLOW_OPENED);
	event->_pad0 = 0;
	event->cgroup_id = cgroup_id;
	if (key)
		event->key = *key;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

static __noinline int emit_flow_moved(const struct flow_key *key)
{
	struct event_flow_moved *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return emit_lost(EVENT_FLOW_MOVED);
	event_begin(&event->header, EVENT_FLOW_MOVED);
	event->_pad0 = 0;
	if (key)
		event->key = *key;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

static __noinline int emit_flow_closed(const struct flow_key *key, __u32 tcp_state)
{
	struct event_flow_closed *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return emit_lost(EVENT_FLOW_CLOSED);
	event_begin(&event->header, EVENT_FLOW_CLOSED);
	event->tcp_state = tcp_state;
	if (key)
		event->key = *key;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

#endif
