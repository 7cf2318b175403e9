/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Ports for the later fragments of a datagram, remembered from its first. No reassembly: a fragment whose
 * first was never seen, or was forgotten, keeps ports 0 and a note.
 */
#ifndef MILLRACE_FRAGMENT_H
#define MILLRACE_FRAGMENT_H

#include "lib/packet.h"

struct fragment_key {
	__u8 saddr[16];
	__u8 daddr[16];
	__u32 id;
	__u32 endpoint_id;
	__u16 vlan;
	__u8 proto; /* IPv6: 0, the later fragments don't tell */
	__u8 family;
};

struct fragment_ports {
	__be16 sport;
	__be16 dport;
	__u8 proto;
	__u8 _pad0[3];
};

/* 4,096 datagrams under way x about 112 bytes = 450 KB; the oldest go first. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct fragment_key);
	__type(value, struct fragment_ports);
} fragments __weak SEC(".maps");

static __always_inline void fragment_key_of(struct fragment_key *key, const struct packet *packet)
{
	__builtin_memcpy(key->saddr, packet->key.saddr, 16);
	__builtin_memcpy(key->daddr, packet->key.daddr, 16);
	key->id = packet->fragment_id;
	key->endpoint_id = packet->key.endpoint_id;
	key->vlan = packet->key.vlan;
	key->proto = packet->key.family == 4 ? packet->key.proto : 0;
	key->family = packet->key.family;
}

static __noinline int fragment_remember(const struct packet *packet)
{
	struct fragment_key key;
	struct fragment_ports ports = {};

	if (!packet || packet->notes & (1u << EP_NOTE_L4_TRUNCATED))
		return 0;
	fragment_key_of(&key, packet);
	ports.sport = packet->key.sport;
	ports.dport = packet->key.dport;
	ports.proto = packet->key.proto;
	bpf_map_update_elem(&fragments, &key, &ports, BPF_ANY);
	return 0;
}

static __noinline int fragment_recall(struct packet *packet)
{
	struct fragment_key key;
	struct fragment_ports *ports;

	if (!packet)
		return 0;
	fragment_key_of(&key, packet);
	ports = bpf_map_lookup_elem(&fragments, &key);
	if (!ports) {
		packet_note(packet, EP_NOTE_FRAGMENT_UNMATCHED);
		return 0;
	}
	packet->key.sport = ports->sport;
	packet->key.dport = ports->dport;
	packet->key.proto = ports->proto;
	return 0;
}

#endif
