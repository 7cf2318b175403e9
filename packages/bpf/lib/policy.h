/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * May a flow pass? One look-up says who is selected, one which ruleset holds between two ends, one what it says of a
 * protocol and port. Precedence was resolved when the agent compiled the policies; what isn't in the tables yet is the
 * agent's to compute, and is never guessed. Only the slow path asks; its flow keeps the answer.
 */
#ifndef MILLRACE_LIB_POLICY_H
#define MILLRACE_LIB_POLICY_H

#include "lib/count.h"
#include "lib/forwarding.h"
#include "shared/policy.h"

#define POLICY_UNJUDGED (-1)
#define LINK_UPKEEP_FIRST 130 /* ICMPv6: multicast listeners, routers, neighbours */
#define LINK_UPKEEP_LAST 137
#define LINK_UPKEEP_REPORT 143 /* of multicast listeners, version 2 */

/* Each of 1,024 endpoints, twice while one set follows another, and as many to spare: 4,096 x 60 bytes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct subject_key);
	__type(value, __u32);
} subjects __weak SEC(".maps");

/* 4,096 prefixes, the agent's limit, twice: 8,192 x 80 bytes at most. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 8192);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct cidr_class_key);
	__type(value, __u32);
} cidr_classes __weak SEC(".maps");

/* 32,768 pairs, twice: 65,536 x 80 bytes at most. Full: the agent forgets the oldest, who are asked for again. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct judgement_key);
	__type(value, __u32);
} judgements __weak SEC(".maps");

/* 32,768 entries of all rulesets in use, twice: 65,536 x 80 bytes at most. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct ruleset_key);
	__type(value, struct rule_verdict);
} rulesets __weak SEC(".maps");

/* From outside, under an address of this host, as whom the path's peer stands. */
static __always_inline bool path_is_as_host(const struct flow_path *path, const struct told *told)
{
	return path->peer_identity == POLICY_HOST_IDENTITY && !told->by_stack;
}

/*
 * Who the peer is of a packet that arrives. The tunnel's word is that of the sender's own host, from whom the control
 * plane has it as well, and is the newer of the two: it holds. But not against the lease when another host says it, not
 * about pods of this host or what is outside the pools, and never for one of the reserved identities.
 */
static __always_inline void path_take_told(struct flow_path *path, const struct told *told)
{
	bool leased = path->kind == PATH_DIRECT || path->kind == PATH_OVERLAY;

	if (path_is_as_host(path, told))
		path->peer_identity = POLICY_WORLD_IDENTITY;
	if (told->identity < POLICY_FIRST_IDENTITY || (!leased && path->kind != PATH_PUNT))
		return;
	if (leased && path->peer_identity && path->peer_identity != told->identity)
		count(OBSERVER_IDENTITY_DIFFERS);
	if (!leased || path->remote == told->remote)
		path->peer_identity = told->identity;
}

static __always_inline bool is_link_multicast(const __u8 address[16])
{
	return address[0] == 0xff && address[1] == 0x02;
}

/* What keeps a link alive goes no farther than the link. No pod sends from a group: where one stands first, it is received. */
static __always_inline bool policy_is_link_upkeep(const struct flow_key *key)
{
	__u8 type = ((const __u8 *)&key->dport)[0];
	bool near = address_is_link_local(key->daddr) || is_link_multicast(key->daddr) ||
		    is_link_multicast(key->saddr);

	return near && key->proto == NEXTHDR_ICMP6 &&
	       ((type >= LINK_UPKEEP_FIRST && type <= LINK_UPKEEP_LAST) || type == LINK_UPKEEP_REPORT);
}

static __always_inline __u32 cidr_class_of(__u32 set, const __u8 address[16])
{
	struct cidr_class_key key = { .prefix_bits = POLICY_SET_BITS + 128, .set = set };
	const __u32 *class;

	__builtin_memcpy(key.address, address, 16);
	class = bpf_map_lookup_elem(&cidr_classes, &key);
	return class ? *class : 0;
}

/* What a ruleset says of the flow; the port is that of whoever didn't open it. */
static __always_inline const struct rule_verdict *ruleset_verdict(__u32 ruleset, const struct flow_key *key,
								   __u32 direction)
{
	struct ruleset_key at = { .prefix_bits = POLICY_PORT_BITS, .ruleset = ruleset, .proto = key->proto };
	__be16 port = direction == FLOW_EGRESS ? key->dport : key->sport;

	if (!proto_is_icmp(key->proto))
		__builtin_memcpy(at.port, &port, 2);
	return bpf_map_lookup_elem(&rulesets, &at);
}

/* As if the flow had been opened in pair->direction. A verdict, or POLICY_UNJUDGED. */
static __noinline int policy_ask(struct rule_verdict *answer, const struct flow_key *key,
				 const struct judgement_key *pair, __u32 selects)
{
	__u32 selected = pair && pair->direction == FLOW_EGRESS ? POLICY_SELECTS_EGRESS : POLICY_SELECTS_INGRESS;
	const struct rule_verdict *found;
	const __u32 *ruleset;

	if (!answer || !key || !pair)
		return POLICY_UNJUDGED;
	answer->verdict = VERDICT_FORWARD;
	answer->rule = 0;
	answer->revision = 0;
	if (!(selects & selected))
		return VERDICT_FORWARD;
	ruleset = bpf_map_lookup_elem(&judgements, pair);
	if (!ruleset)
		return POLICY_UNJUDGED;
	if (*ruleset == POLICY_FORWARDS_ALL)
		return VERDICT_FORWARD;
	found = ruleset_verdict(*ruleset, key, pair->direction);
	if (!found)
		return POLICY_UNJUDGED;
	*answer = *found;
	return answer->verdict;
}

/* Who opened it isn't known: it passes if it would, whoever it was. */
static __always_inline int policy_ask_both(struct rule_verdict *answer, const struct flow_key *key,
					   struct judgement_key *pair, __u32 selects)
{
	struct rule_verdict second = {};
	int verdict = policy_ask(answer, key, pair, selects);
	int other;

	if (verdict_forwards(verdict))
		return verdict;
	pair->direction = FLOW_INGRESS;
	other = policy_ask(&second, key, pair, selects);
	if (other == VERDICT_DROP)
		return verdict;
	*answer = second;
	return other;
}

/*
 * Judges a flow whose way and peer are in `path`, and writes there what came out; of flows that were refused before
 * there is nothing to judge. POLICY_UNJUDGED: what that takes isn't in the tables.
 */
VERIFIED_ALONE int policy_judge(struct flow_path *path, const struct flow_key *key, __u32 opener, __u32 set)
{
	struct subject_key subject = { .set = set };
	struct judgement_key pair = { .set = set };
	struct rule_verdict answer = {};
	const __u32 *selects;
	int verdict;

	if (!path || !key || path->verdict == VERDICT_DROP || policy_is_link_upkeep(key))
		return 0;
	subject.endpoint_id = key->endpoint_id;
	selects = bpf_map_lookup_elem(&subjects, &subject);
	if (!selects)
		return POLICY_UNJUDGED;
	if (!*selects)
		return 0;
	pair.endpoint_id = key->endpoint_id;
	pair.peer_identity = path->peer_identity;
	pair.cidr_class = cidr_class_of(set, key->daddr);
	pair.direction = opener == FLOW_OPENER_REMOTE ? FLOW_INGRESS : FLOW_EGRESS;
	verdict = opener == FLOW_OPENER_UNKNOWN ? policy_ask_both(&answer, key, &pair, *selects)
						: policy_ask(&answer, key, &pair, *selects);
	if (verdict == POLICY_UNJUDGED)
		return POLICY_UNJUDGED;
	path->rule = answer.rule;
	path->revision = answer.revision;
	if (verdict == VERDICT_DROP)
		path_refuse(path, PATH_REASON_POLICY);
	else if (path->verdict == VERDICT_FORWARD)
		path->verdict = verdict;
	return 0;
}

#endif
