// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0)
/*
 * Anchors: one pointer per shared type, sorted, so that its BTF ends up in abi.bpf.o for the generator.
 * Never loaded into a kernel; holds no program.
 */
#include "vmlinux.h"
#include "shared/abi.h"
#include "shared/config.h"
#include "shared/endpoint.h"
#include "shared/event.h"
#include "shared/flow.h"
#include "shared/forward.h"
#include "shared/observer.h"
#include "shared/service.h"
#include "shared/socket.h"
#include "shared/trace.h"

#define ANCHOR(kind, name) kind name *anchor_##name

ANCHOR(enum, drop_class);
ANCHOR(enum, drop_place_limit);
ANCHOR(enum, endpoint_class);
ANCHOR(enum, endpoint_limit);
ANCHOR(enum, endpoint_note);
ANCHOR(enum, event_kind);
ANCHOR(enum, event_limit);
ANCHOR(enum, flow_direction);
ANCHOR(enum, flow_lifecycle);
ANCHOR(enum, flow_limit);
ANCHOR(enum, flow_opener);
ANCHOR(enum, flow_retire_outcome);
ANCHOR(enum, flow_tcp_state);
ANCHOR(enum, forward_limit);
ANCHOR(enum, netns_kind);
ANCHOR(enum, observer_count);
ANCHOR(enum, observer_limit);
ANCHOR(enum, path_kind);
ANCHOR(enum, path_limit);
ANCHOR(enum, path_reason);
ANCHOR(enum, service_count);
ANCHOR(enum, service_limit);
ANCHOR(enum, trace_connection_step);
ANCHOR(enum, trace_kind);
ANCHOR(enum, trace_limit);
ANCHOR(enum, verdict);
ANCHOR(struct, drop_key);
ANCHOR(struct, drop_place);
ANCHOR(struct, drop_record);
ANCHOR(struct, endpoint);
ANCHOR(struct, endpoint_key);
ANCHOR(struct, event_drop);
ANCHOR(struct, event_flow_closed);
ANCHOR(struct, event_flow_moved);
ANCHOR(struct, event_flow_opened);
ANCHOR(struct, event_header);
ANCHOR(struct, event_service_asked);
ANCHOR(struct, flow_chunk);
ANCHOR(struct, flow_counters);
ANCHOR(struct, flow_key);
ANCHOR(struct, flow_path);
ANCHOR(struct, flow_record);
ANCHOR(struct, flow_retire_batch);
ANCHOR(struct, flow_retire_request);
ANCHOR(struct, flow_scan_request);
ANCHOR(struct, forwarding);
ANCHOR(struct, local);
ANCHOR(struct, netns_info);
ANCHOR(struct, observe_config);
ANCHOR(struct, remote);
ANCHOR(struct, route);
ANCHOR(struct, route_key);
ANCHOR(struct, service);
ANCHOR(struct, service_backend);
ANCHOR(struct, service_backend_counts);
ANCHOR(struct, service_counts);
ANCHOR(struct, service_flow);
ANCHOR(struct, service_key);
ANCHOR(struct, socket_sample);
ANCHOR(struct, trace_config);
ANCHOR(struct, trace_event_connection);
ANCHOR(struct, trace_event_drop);
ANCHOR(struct, trace_event_header);
ANCHOR(struct, trace_filter);
ANCHOR(struct, trace_stats);
