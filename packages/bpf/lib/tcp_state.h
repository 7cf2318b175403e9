/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * What segments tell of a TCP connection, both directions together. The socket's own state is another matter.
 */
#ifndef MILLRACE_TCP_STATE_H
#define MILLRACE_TCP_STATE_H

#include "lib/emit.h"
#include "lib/packet.h"
#include "lib/tcp_word.h"

#define TCP_SWAP_ATTEMPTS 4

static __always_inline __u8 opener_of(__u32 sender_direction)
{
	return sender_direction == FLOW_EGRESS ? FLOW_OPENER_LOCAL : FLOW_OPENER_REMOTE;
}

/* Who opens the connection that a segment is the first of; one in mid-stream doesn't tell. */
static __always_inline __u8 tcp_opener(__u8 flags, __u32 direction)
{
	if (flags & TCP_FLAG_BYTE_RST || !(flags & TCP_FLAG_BYTE_SYN))
		return FLOW_OPENER_UNKNOWN;
	return opener_of(flags & TCP_FLAG_BYTE_ACK ? !direction : direction);
}

static __always_inline bool tcp_is_over(__u8 state)
{
	return state == FLOW_TCP_CLOSED || state == FLOW_TCP_RESET;
}

/* A SYN that isn't the repetition of the one that opened the tuple the last time. */
static __always_inline bool tcp_reopens(union tcp_word word, __u8 flags, __u32 seq, __u32 isn)
{
	__u8 opening = flags & (TCP_FLAG_BYTE_SYN | TCP_FLAG_BYTE_ACK | TCP_FLAG_BYTE_RST);

	return opening == TCP_FLAG_BYTE_SYN && tcp_is_over(word.state) && seq != isn;
}

/* verifier: no index that it would have to bound */
static __always_inline union tcp_word tcp_word_with(union tcp_word word, __u8 flags, __u32 direction)
{
	if (direction == FLOW_EGRESS)
		word.flags[FLOW_EGRESS] |= flags;
	else
		word.flags[FLOW_INGRESS] |= flags;
	return word;
}

static __always_inline union tcp_word tcp_word_open(__u8 flags, __u32 direction)
{
	union tcp_word word = tcp_word_with((union tcp_word){ .word = 0 }, flags, direction);

	word.opener = tcp_opener(flags, direction);
	if (flags & TCP_FLAG_BYTE_RST)
		word.state = FLOW_TCP_RESET;
	else if (flags & TCP_FLAG_BYTE_SYN)
		word.state = FLOW_TCP_OPENING;
	else
		word.state = flags & TCP_FLAG_BYTE_FIN ? FLOW_TCP_CLOSING : FLOW_TCP_ESTABLISHED;
	return word;
}

static __always_inline union tcp_word tcp_word_after(union tcp_word word, __u8 flags, __u32 direction)
{
	word = tcp_word_with(word, flags, direction);
	if (tcp_is_over(word.state))
		return word;
	if (flags & TCP_FLAG_BYTE_RST)
		word.state = FLOW_TCP_RESET;
	else if (word.flags[0] & word.flags[1] & TCP_FLAG_BYTE_FIN)
		word.state = FLOW_TCP_CLOSED;
	else if (flags & TCP_FLAG_BYTE_FIN)
		word.state = FLOW_TCP_CLOSING;
	else if (word.state == FLOW_TCP_OPENING && !(flags & TCP_FLAG_BYTE_SYN) && flags & TCP_FLAG_BYTE_ACK)
		word.state = FLOW_TCP_ESTABLISHED;
	return word;
}

/* Whether tcp_follow could have anything to do. */
static __always_inline bool tcp_must_follow(const struct flow_record *record, __u8 flags, __u32 direction)
{
	union tcp_word word = { .word = READ_ONCE(*(const __u32 *)record->tcp_flags) };

	return word.state == FLOW_TCP_OPENING || flags & ~word.flags[direction] ||
	       flags & (TCP_FLAG_BYTE_SYN | TCP_FLAG_BYTE_FIN | TCP_FLAG_BYTE_RST);
}

/* A segment that may open a connection, or a closed one anew, which is judged by itself. */
static __always_inline bool tcp_may_open(__u8 flags)
{
	return flags & TCP_FLAG_BYTE_SYN;
}

static __always_inline void tcp_restart(struct flow_record *record, __u32 seq)
{
	record->isn = seq;
	record->cgroup_id = 0;
	record->rtt_us = 0;
	record->rtt_min_us = 0;
	__sync_fetch_and_add(&record->opens, 1);
}

/* Of a change that was made: whoever listens is told where a connection begins or ends. */
static __always_inline void tcp_tell(struct flow_record *record, const struct flow_key *key, union tcp_word old,
				     union tcp_word new, __u32 seq)
{
	if (new.state == FLOW_TCP_OPENING && tcp_is_over(old.state)) {
		tcp_restart(record, seq);
		emit_flow_opened(key, 0);
	} else if (tcp_is_over(new.state) && !tcp_is_over(old.state)) {
		emit_flow_closed(key, new.state);
	}
}

/*
 * race: after TCP_SWAP_ATTEMPTS lost swaps the segment's flags are forgotten. Worst outcome: a closing goes
 * unnoticed, and the flow is retired for being idle.
 */
VERIFIED_ALONE int tcp_follow(struct flow_record *record, const struct flow_key *key, __u8 flags, __u32 seq,
			      __u32 direction)
{
	union tcp_word old, new;

	if (!record || !key)
		return 0;
	for (int i = 0; i < TCP_SWAP_ATTEMPTS; i++) {
		barrier_var(flags); /* verifier: what is worked out before the loop would stand on the stack */
		barrier_var(direction);
		old.word = READ_ONCE(*(__u32 *)record->tcp_flags);
		new = tcp_reopens(old, flags, seq, record->isn) ? tcp_word_open(flags, direction)
								: tcp_word_after(old, flags, direction);
		if (new.word == old.word)
			return 0;
		if (__sync_val_compare_and_swap((__u32 *)record->tcp_flags, old.word, new.word) == old.word) {
			tcp_tell(record, key, old, new, seq);
			return 0;
		}
	}
	return 0;
}

#endif
