// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0)
/*
 * Takes quiet flows out of use, for the agent to remove: run by test-run with a flow_retire_request as
 * context and the keys in `retire_batch`. Deletes nothing itself; see enum flow_lifecycle for the protocol.
 */
#include "lib/flow_batch.h"
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

char LICENSE[] SEC("license") = "Dual BSD/GPL";
