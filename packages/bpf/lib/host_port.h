/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Ports of this host's own addresses that lead to a pod here. What the outside sends to one becomes the pod's where it arrives
 * (nat_packet.h); a pod of this host that asks for one is given that pod, as a service's backend (service.h).
 */
#ifndef MILLRACE_HOST_PORT_H
#define MILLRACE_HOST_PORT_H

#include "lib/kernel.h"
#include "shared/service.h"

/*
 * 8,192 x (20 + 24 + 48) bytes at most, allocated as it comes: twice what the agent lets there be, since the host's new address is
 * written before its old one goes.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SERVICE_HOST_PORT_LIMIT * 2);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct service_key);
	__type(value, struct service_backend);
} host_ports __weak SEC(".maps");

static __always_inline const struct service_backend *host_port_at(const __u8 address[16], __be16 port, __u8 proto)
{
	struct service_key key = { .port = port, .proto = proto };

	__builtin_memcpy(key.address, address, 16);
	return bpf_map_lookup_elem(&host_ports, &key);
}

#endif
