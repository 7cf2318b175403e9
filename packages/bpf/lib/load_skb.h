/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Where parse.h reads from in a tc program: the packet itself, linear or not, without changing it. A
 * program includes this or load_memory.h, never both.
 */
#ifndef MILLRACE_LOAD_H
#define MILLRACE_LOAD_H

#include "lib/kernel.h"

struct packet_source {
	struct __sk_buff *skb;
	__u32 end;      /* offset after the last byte there is */
	bool offloaded; /* segmented later: the IP length field may be 0 */
};

static __always_inline int packet_load(const struct packet_source *source, __u32 at, void *to, __u32 bytes)
{
	if (at + bytes > source->end)
		return -1;
	return bpf_skb_load_bytes(source->skb, at, to, bytes);
}

/*
 * For the headers in front, whose offset the verifier knows as one of a few numbers: without a call when
 * they are in the linear part, as they nearly always are.
 */
static __always_inline int packet_load_front(const struct packet_source *source, __u32 at, void *to, __u32 bytes)
{
	void *data = (void *)(long)source->skb->data;
	void *data_end = (void *)(long)source->skb->data_end;

	if (data + at + bytes > data_end)
		return packet_load(source, at, to, bytes);
	/* Not so on Ethernet; the kernels that matter read unaligned words, and words beat bytes. */
	__builtin_memcpy(to, __builtin_assume_aligned(data + at, 4), bytes);
	return 0;
}

#endif
