// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0)
/*
 * Takes translations out of the table, for the agent: with the flows they belong to, and those that belong to none any
 * more. Run by test-run. Who gets which port is lib/nat.h's.
 */
#include "lib/flow_batch.h"
#include "lib/translation.h"

/* race: nobody else takes the entry away, and nobody's is made in its place while it is there. */
static __always_inline void translation_remove(const struct translation_key *at, const struct flow_key *flow)
{
	const struct translation *found = bpf_map_lookup_elem(&translations, at);

	if (found && flow_key_equals(&found->flow, flow))
		bpf_map_delete_elem(&translations, at);
}

static __always_inline void translation_end(const struct flow_key *key)
{
	const struct flow_record *record = bpf_map_lookup_elem(&flows, key);
	struct translation_key at;

	if (!record || record->lifecycle != FLOW_RETIRED)
		return;
	if (translation_key_masqueraded(&at, key, &record->path))
		translation_remove(&at, key);
	if (translation_key_returned(&at, key, &record->path))
		translation_remove(&at, key);
}

struct end_walk {
	const struct flow_retire_batch *batch;
	__u32 count;
};

static long end_step(__u64 index, struct end_walk *walk)
{
	struct flow_key key;

	if (index >= walk->count || index >= FLOW_RETIRE_BATCH)
		return 1;
	key = walk->batch->keys[index];
	translation_end(&key);
	return 0;
}

/* Those of the flows in `retire_batch` that are RETIRED, before they are deleted. Context: as of flow_retire. */
SEC("syscall")
int translations_end(struct flow_retire_request *request)
{
	struct end_walk walk = { .count = request->count };
	__u32 zero = 0;

	walk.batch = bpf_map_lookup_elem(&retire_batch, &zero);
	if (walk.batch)
		bpf_loop(FLOW_RETIRE_BATCH, end_step, &walk, 0);
	return 0;
}

struct sweep_walk {
	__u32 now_s;
	__u32 grace_s;
	__u32 found;
	__u32 removed;
};

static __always_inline bool translation_is_used(const struct translation_key *at, const struct translation *entry)
{
	const struct flow_record *record = bpf_map_lookup_elem(&flows, &entry->flow);
	struct translation_key own;

	if (!record)
		return false;
	return (translation_key_masqueraded(&own, &entry->flow, &record->path) && translation_key_equals(&own, at)) ||
	       (translation_key_returned(&own, &entry->flow, &record->path) && translation_key_equals(&own, at));
}

/* race: a flow that claims the entry meanwhile changes its time, and then the swap fails; or finds it DEAD. */
static long sweep_step(struct bpf_map *map, struct translation_key *key, struct translation *entry,
		       struct sweep_walk *walk)
{
	struct translation copy = *entry;
	struct translation_key at = *key;
	__u32 claimed_s = copy.claimed_s;

	walk->found++;
	if (walk->now_s - claimed_s < walk->grace_s || translation_is_used(&at, &copy))
		return 0;
	if (__sync_val_compare_and_swap(&entry->claimed_s, claimed_s, TRANSLATION_DEAD) != claimed_s)
		return 0;
	if (bpf_map_delete_elem(&translations, &at) == 0)
		walk->removed++;
	return 0;
}

SEC("syscall")
int translations_sweep(struct translation_sweep *request)
{
	struct sweep_walk walk = { .now_s = translation_now_s(), .grace_s = request->grace_s };

	bpf_for_each_map_elem(&translations, sweep_step, &walk, 0);
	request->found = walk.found;
	request->removed = walk.removed;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
