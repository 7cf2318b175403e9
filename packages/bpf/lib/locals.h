/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/* This host's pods, by address, and what each CPU found of them last. */
#ifndef MILLRACE_LOCALS_H
#define MILLRACE_LOCALS_H

#include "lib/kernel.h"
#include "lib/packet.h"
#include "shared/forward.h"

/* Two addresses for each of 1,024 endpoints, and as many to spare: 4,096 x 80 bytes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u8[16]);
	__type(value, struct local);
} locals __weak SEC(".maps");

/*
 * The pod that was found last of those whose address has the same low bits: a fifth of a look-up's cost. Of this CPU alone,
 * and valid for the generation it was read under. 1,024 x 40 bytes a CPU.
 */
#define LOCAL_GUESSES 1024

struct local_guess {
	__u8 address[16];
	struct local local;
	__u32 generation;
	__u32 _pad0;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LOCAL_GUESSES);
	__type(key, __u32);
	__type(value, struct local_guess);
} local_guesses __weak SEC(".maps");

static __noinline const struct local *local_find(struct local_guess *guess, const __u8 address[16], __u32 generation)
{
	const struct local *local;

	if (!guess || !address)
		return NULL;
	local = bpf_map_lookup_elem(&locals, address);
	if (!local)
		return NULL;
	guess->generation = 0;
	address_copy(guess->address, address);
	guess->local = *local;
	guess->generation = generation;
	return local;
}

/* The pod here that has the address, until the next is asked for; NULL: none. */
static __always_inline const struct local *local_of(const __u8 address[16], const struct forwarding *now)
{
	__u32 at = bpf_ntohl(((const __u32 *)address)[3]) & (LOCAL_GUESSES - 1);
	struct local_guess *guess = bpf_map_lookup_elem(&local_guesses, &at);

	if (guess && guess->generation == now->generation && address_equals(guess->address, address))
		return &guess->local;
	return local_find(guess, address, now->generation);
}

#endif
