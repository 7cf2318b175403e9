// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0)
/*
 * Takes quiet flows out of use, and at the agent's word out of the table: run by test-run with a flow_retire_request as
 * context and the keys in `retire_batch`. See enum flow_lifecycle for the protocol.
 */
#include "lib/flow_batch.h"
#include "lib/flow_budget.h"
#include "lib/flows.h"
#include "lib/kernel.h"

struct retire_walk {
	struct flow_retire_batch *batch;
	__u64 quiet_since_ns;
	__u32 count;
	__u32 retired;
};

/*
 * race: a packet may have found the entry LIVE just before the swap; it still adds to it, and the grace
 * period the agent waits for lets it finish. last_seen_ns may be a timer tick old: the agent's idea of
 * quiet is seconds.
 */
static __always_inline enum flow_retire_outcome flow_retire_one(const struct flow_key *key, __u64 quiet_since_ns)
{
	struct flow_record *record = bpf_map_lookup_elem(&flows, key);

	if (!record)
		return FLOW_RETIRE_MISSING;
	if (record->lifecycle == FLOW_RETIRED)
		return FLOW_RETIRE_DONE;
	if (READ_ONCE(record->last_seen_ns) >= quiet_since_ns)
		return FLOW_RETIRE_BUSY;
	__sync_val_compare_and_swap(&record->lifecycle, FLOW_LIVE, FLOW_RETIRED);
	return FLOW_RETIRE_DONE;
}

static long retire_step(__u64 index, struct retire_walk *walk)
{
	struct flow_key key;
	__u8 outcome;

	if (index >= walk->count || index >= FLOW_RETIRE_BATCH)
		return 1;
	key = walk->batch->keys[index];
	outcome = flow_retire_one(&key, walk->quiet_since_ns);
	walk->batch->outcome[index] = outcome;
	walk->retired += outcome == FLOW_RETIRE_DONE;
	return 0;
}

/* How many of the keys are RETIRED now. */
SEC("syscall")
int flow_retire(struct flow_retire_request *request)
{
	struct retire_walk walk = {};
	__u32 zero = 0;

	walk.batch = bpf_map_lookup_elem(&retire_batch, &zero);
	if (!walk.batch)
		return 0;
	walk.quiet_since_ns = request->quiet_since_ns;
	walk.count = request->count;
	bpf_loop(FLOW_RETIRE_BATCH, retire_step, &walk, 0);
	return walk.retired;
}

struct delete_walk {
	const struct flow_retire_batch *batch;
	__u32 count;
	__u32 deleted;
};

/* The entry and its place of the endpoint's budget in one go, which a kill of the agent can't part. */
static long delete_step(__u64 index, struct delete_walk *walk)
{
	const struct flow_record *record;
	struct flow_holder *holder;
	struct flow_key key;

	if (index >= walk->count || index >= FLOW_RETIRE_BATCH)
		return 1;
	key = walk->batch->keys[index];
	record = bpf_map_lookup_elem(&flows, &key);
	if (!record || record->lifecycle != FLOW_RETIRED || bpf_map_delete_elem(&flows, &key))
		return 0;
	walk->deleted++;
	holder = bpf_map_lookup_elem(&flow_holders, &key.endpoint_id);
	if (holder)
		flow_place_give_back(holder);
	return 0;
}

/* Those of the keys that are RETIRED; how many they were. */
SEC("syscall")
int flow_delete(struct flow_retire_request *request)
{
	struct delete_walk walk = { .count = request->count };
	__u32 zero = 0;

	walk.batch = bpf_map_lookup_elem(&retire_batch, &zero);
	if (walk.batch)
		bpf_loop(FLOW_RETIRE_BATCH, delete_step, &walk, 0);
	return walk.deleted;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
