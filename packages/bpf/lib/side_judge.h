/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Whether a side lets its packet pass, whose way is found: by policy, and of an ICMP error by that of the flow it is about.
 */
#ifndef MILLRACE_SIDE_JUDGE_H
#define MILLRACE_SIDE_JUDGE_H

#include "lib/icmp_error.h"
#include "lib/policy.h"
#include "lib/punt.h"
#include "lib/side.h"

/* What an ICMP error is about: too large for the stack as well. */
struct quoted_flow {
	struct flow_key sent; /* as the quoted packet's sender has it; then as it is beyond the endpoint's link */
	struct flow_key key;  /* as the endpoint has it */
	struct flow_path path;
	struct icmp_error error;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct quoted_flow);
} quoted_flow __weak SEC(".maps");

/*
 * The flow that is quoted, which `sent` then is beyond the endpoint's link. NULL: there is none, or it is being taken out. What
 * arrives quotes the service already (service_packet.h), what an endpoint sends the backend.
 */
static __always_inline const struct flow_record *quoted_record(struct quoted_flow *quoted, __u32 direction)
{
	const struct flow_record *record = direction == FLOW_EGRESS ? flow_of_wire(&quoted->key) :
							 bpf_map_lookup_elem(&flows, &quoted->key);

	if (!record || record->tuple_check != flow_tuple_check(&quoted->key))
		return NULL;
	flow_key_on_wire(&quoted->sent, &quoted->key, &record->path);
	return flow_is_live(record, &quoted->key) ? record : NULL;
}

/*
 * An ICMP error about a flow of the endpoint is judged as that flow: whoever may send it may also tell how it fares.
 * POLICY_UNJUDGED also when there is no such flow.
 */
VERIFIED_ALONE int side_judge_error(struct __sk_buff *skb, struct side *side, __u32 set)
{
	const struct flow_record *record;
	struct quoted_flow *quoted;
	__u32 zero = 0;

	quoted = bpf_map_lookup_elem(&quoted_flow, &zero);
	if (!side || !quoted)
		return POLICY_UNJUDGED;
	__builtin_memset(quoted, 0, sizeof(*quoted));
	if (!icmp_error_quotes(skb, &side->packet, &quoted->error, &quoted->sent))
		return POLICY_UNJUDGED;
	quoted->key = quoted->sent;
	if (side->direction == FLOW_EGRESS)
		flow_reverse(&quoted->key, &quoted->sent);
	record = quoted_record(quoted, side->direction);
	if (!record)
		return POLICY_UNJUDGED;
	path_decide(&quoted->path, &quoted->sent);
	if (quoted->path.verdict != VERDICT_DROP)
		quoted->path.verdict = VERDICT_FORWARD;
	if (policy_judge(&quoted->path, &quoted->sent, record->opener, set) ||
	    !verdict_forwards(quoted->path.verdict))
		return POLICY_UNJUDGED;
	if (side->path.verdict == VERDICT_FORWARD)
		side->path.verdict = quoted->path.verdict;
	side->path.rule = quoted->path.rule;
	side->path.revision = quoted->path.revision;
	return 0;
}

/* Its packets go up to the agent, which puts them back when it knows. */
static __always_inline void side_ask(struct side *side)
{
	side->path.kind = PATH_PUNT;
	side->path.verdict = VERDICT_PUNT;
}

/* Whether the flow may pass, whose way is found. What can't be judged is the agent's to learn; without it, it is refused. */
VERIFIED_ALONE int side_judge(struct __sk_buff *skb, struct side *side)
{
	const struct forwarding *now = forwarding_now();

	if (!side || !now || now->policy_set == POLICY_NO_SET)
		return 0;
	if (side->direction == FLOW_INGRESS) {
		side->as_host = path_is_as_host(&side->path, &side->told);
		path_take_told(&side->path, &side->told);
	}
	if (side->path.verdict == VERDICT_DROP)
		return 0; /* refused before: there is nothing to judge */
	if (flow_is_icmp_error(&side->key) && !side_judge_error(skb, side, now->policy_set))
		return 0;
	if (!policy_judge(&side->path, &side->target.wire, side->opener, now->policy_set))
		return 0;
	if (side->came_up || !punt_is_there(skb, now)) {
		path_refuse(&side->path, PATH_REASON_UNRESOLVED);
		return 0;
	}
	side_ask(side);
	side->unjudged = true;
	return 0;
}

#endif
