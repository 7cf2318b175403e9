// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0)
/*
 * Takes over what maps of another version's layout have counted, which the agent has read and put into ours (map-move.ts):
 * run by test-run. Packets are counted meanwhile, so nothing is set: it is opened, or added.
 */
#include "lib/emit.h"
#include "lib/endpoints.h"
#include "lib/flow_batch.h"
#include "lib/flow_budget.h"
#include "lib/flows.h"
#include "lib/kernel.h"
#include "lib/tcp_word.h"

static __always_inline void counters_carry(struct flow_counters *to, const struct flow_counters *more)
{
	__sync_fetch_and_add(&to->packets, more->packets);
	__sync_fetch_and_add(&to->segments, more->segments);
	__sync_fetch_and_add(&to->bytes, more->bytes);
}

#define CARRY_SWAP_ATTEMPTS 4

/* What the other version's programs have seen of the connection, ours may not have: with them it opened anew, or went on. */
static __always_inline void tcp_carry(struct flow_record *to, const struct flow_record *more)
{
	union tcp_word seen = { .word = *(const __u32 *)more->tcp_flags };

	for (int i = 0; i < CARRY_SWAP_ATTEMPTS; i++) {
		union tcp_word old = { .word = READ_ONCE(*(const __u32 *)to->tcp_flags) }, new = old;

		if (more->opens) {
			new = seen;
		} else {
			new.flags[FLOW_EGRESS] |= seen.flags[FLOW_EGRESS];
			new.flags[FLOW_INGRESS] |= seen.flags[FLOW_INGRESS];
			new.state = seen.state > old.state ? seen.state : old.state;
			new.opener = old.opener ?: seen.opener;
		}
		if (__sync_val_compare_and_swap((__u32 *)to->tcp_flags, old.word, new.word) == old.word)
			break;
	}
	if (!more->opens)
		return;
	to->isn = more->isn;
	__sync_fetch_and_add(&to->opens, more->opens);
}

static __always_inline void flow_carry_into(struct flow_record *to, const struct flow_record *more)
{
	counters_carry(&to->counters[FLOW_EGRESS], &more->counters[FLOW_EGRESS]);
	counters_carry(&to->counters[FLOW_INGRESS], &more->counters[FLOW_INGRESS]);
	__sync_fetch_and_add(&to->drops, more->drops);
	__sync_fetch_and_add(&to->retransmits, more->retransmits);
	__sync_fetch_and_add(&to->path.slow_packets, more->path.slow_packets);
	tcp_carry(to, more);
}

static __always_inline bool flow_carry_one(struct flow_chunk *chunk, __u32 at)
{
	struct flow_record *more = &chunk->records[at % FLOW_CHUNK];
	struct flow_key key = chunk->keys[at % FLOW_CHUNK];
	__u32 how = more->shown;
	struct flow_record *there;
	struct flow_holder *holder;

	more->shown = 0;
	more->tuple_check = flow_tuple_check(&key);
	more->path.generation = 0; /* by whose tables it was decided nobody knows, nor whether all of it was copied */
	if (how != FLOW_CARRY_ADD && !bpf_map_update_elem(&flows, &key, more, BPF_NOEXIST))
		return true;
	there = bpf_map_lookup_elem(&flows, &key);
	holder = how == FLOW_CARRY_LATE ? bpf_map_lookup_elem(&flow_holders, &key.endpoint_id) : NULL;
	if (holder)
		flow_place_give_back(holder);
	if (!there) {
		more->shown = FLOW_CARRY_MISSED;
		return false;
	}
	flow_carry_into(there, more);
	emit_flow_moved(&key);
	return true;
}

static long carry_step(__u64 index, struct flow_scan_request **request)
{
	__u32 at = index, place = index / FLOW_CHUNK;
	struct flow_chunk *chunk = bpf_map_lookup_elem(&flow_changes, &place);

	if (at >= (*request)->count || !chunk)
		return 1;
	(*request)->found += flow_carry_one(chunk, at);
	return 0;
}

/* The `count` flows in `flow_changes`: how many found room. */
SEC("syscall")
int flow_carry(struct flow_scan_request *request)
{
	request->found = 0;
	bpf_loop(FLOW_CHANGES * FLOW_CHUNK, carry_step, &request, 0);
	return request->found;
}

/* Into this CPU's: hooks here may come in between two of these additions, never into one. 0: another has the slot by now. */
SEC("syscall")
int endpoint_carry(struct endpoint_carry_request *request)
{
	__u32 slot = request->slot;
	struct endpoint *to = bpf_map_lookup_elem(&endpoints, &slot);

	if (!to || to->endpoint_id != request->counted.endpoint_id)
		return 0;
	for (__u32 direction = 0; direction < FLOW_DIRECTIONS; direction++)
		for (__u32 class = 0; class < EP_CLASSES; class++)
			counters_carry(&to->counters[direction][class], &request->counted.counters[direction][class]);
	for (__u32 note = 0; note < EP_NOTES; note++)
		__sync_fetch_and_add(&to->notes[note], request->counted.notes[note]);
	return 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
