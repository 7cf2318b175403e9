/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Is a freed packet a loss? By its reason, and for reasons that say too little by the function that freed it.
 * The tables are the agent's; which packet it was is no matter here.
 */
#ifndef MILLRACE_DROP_CLASS_H
#define MILLRACE_DROP_CLASS_H

#include "lib/kernel.h"
#include "shared/event.h"

/* Reasons by number in this kernel. Those of other subsystems (above 65,535) count as losses. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 512);
	__type(key, __u32);
	__type(value, __u32); /* enum drop_class */
} drop_classes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DROP_PLACES);
	__type(key, __u32);
	__type(value, struct drop_place);
} drop_places SEC(".maps");

static __noinline bool drop_is_ordinary_at(__u32 reason, __u64 location)
{
	for (__u32 i = 0; i < DROP_PLACES; i++) {
		__u32 index = i;
		struct drop_place *place = bpf_map_lookup_elem(&drop_places, &index);

		if (!place || !place->end)
			break;
		if (place->reason == reason && location >= place->start && location < place->end)
			return place->drop_class == DROP_CLASS_ORDINARY;
	}
	return false;
}

static __always_inline bool drop_is_ordinary(__u32 reason, __u64 location)
{
	__u32 *class = bpf_map_lookup_elem(&drop_classes, &reason);

	if (!class)
		return false;
	return *class == DROP_CLASS_ORDINARY ||
	       (*class == DROP_CLASS_BY_PLACE && drop_is_ordinary_at(reason, location));
}

#endif
