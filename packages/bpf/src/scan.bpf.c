// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0)
/*
 * Hands the agent the flows that changed since they were last handed out, so that only those cross to user
 * space: run by test-run with a flow_scan_request as context. flow_collect looks at given keys, flow_scan at
 * the whole table. Deletes nothing, and the agent, who does, does so at other times: no entry is passed by.
 */
#include "lib/flow_batch.h"
#include "lib/flows.h"
#include "lib/kernel.h"

/* verifier: what is counted lies in the request, of whose numbers it knows none: on the stack it would follow each step. */
struct flow_walk {
	struct flow_retire_batch *batch;
	struct flow_scan_request *request;
};

/*
 * Folds what the agent compares. Two states that fold alike leave a change unseen until the next one, until
 * the flow retires, or until the agent reads the whole table, which it does from time to time.
 */
static __always_inline __u32 flow_fold(const struct flow_record *record)
{
	__u64 sum = record->counters[FLOW_EGRESS].packets * 0x9e3779b97f4a7c15ull +
		    record->counters[FLOW_INGRESS].packets * 0xc2b2ae3d27d4eb4full +
		    record->drops * 0x165667b19e3779f9ull + record->retransmits * 0xd6e8feb86659fd93ull +
		    record->opens * 0xa0761d6478bd642full +
		    *(const __u32 *)record->tcp_flags * 0xe7037ed1a0b428dbull;

	return ((__u32)(sum >> 32) & ~3u) | 2 | (record->lifecycle & 1);
}

/*
 * race: a packet may add to the record between the fold and the copy, or between two runs. The entry is then
 * handed out once more, by the next run or by this one: the agent tells what it has seen of it already.
 */
static __always_inline void flow_hand_out(const struct flow_key *key, struct flow_record *record,
					  struct flow_walk *walk)
{
	__u32 fold = flow_fold(record);
	__u32 at = walk->request->found;
	__u32 index = at / FLOW_CHUNK;
	struct flow_chunk *chunk;

	if (fold == record->shown || at >= walk->request->room)
		return;
	chunk = bpf_map_lookup_elem(&flow_changes, &index);
	if (!chunk)
		return;
	chunk->keys[at % FLOW_CHUNK] = *key;
	chunk->records[at % FLOW_CHUNK] = *record;
	record->shown = fold;
	walk->request->found++;
}

static long scan_step(struct bpf_map *map, struct flow_key *key, struct flow_record *record, struct flow_walk *walk)
{
	walk->request->total++;
	flow_hand_out(key, record, walk);
	return 0;
}

static long collect_step(__u64 index, struct flow_walk *walk)
{
	struct flow_record *record;
	struct flow_key key;

	if (index >= walk->request->count || index >= FLOW_RETIRE_BATCH)
		return 1;
	key = walk->batch->keys[index];
	record = bpf_map_lookup_elem(&flows, &key);
	if (record)
		flow_hand_out(&key, record, walk);
	return 0;
}

/* How many flows were handed out. */
SEC("syscall")
int flow_scan(struct flow_scan_request *request)
{
	struct flow_walk walk = { .request = request };

	request->found = 0;
	request->total = 0;
	bpf_for_each_map_elem(&flows, scan_step, &walk, 0);
	return request->found;
}

/* As flow_scan, of the keys in `retire_batch`. */
SEC("syscall")
int flow_collect(struct flow_scan_request *request)
{
	struct flow_walk walk = { .request = request };
	__u32 zero = 0;

	walk.batch = bpf_map_lookup_elem(&retire_batch, &zero);
	if (!walk.batch)
		return 0;
	request->found = 0;
	bpf_loop(FLOW_RETIRE_BATCH, collect_step, &walk, 0);
	return request->found;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
