/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Where parse.h reads from in a tracing program: the linear part of a packet that isn't the context, by
 * reads that may fail. A program includes this or load_skb.h, never both.
 */
#ifndef MILLRACE_LOAD_H
#define MILLRACE_LOAD_H

#include "lib/kernel.h"

struct packet_source {
	const unsigned char *base; /* offset 0 */
	__u32 end;                 /* offset after the last byte of the packet */
	__u32 linear_end;          /* offset after the last byte that can be read */
	bool offloaded;            /* segmented later: the IP length field may be 0 */
};

static __always_inline int packet_load(const struct packet_source *source, __u32 at, void *to, __u32 bytes)
{
	if (at + bytes > source->linear_end)
		return -1;
	return bpf_probe_read_kernel(to, bytes, source->base + at);
}

/* As load_skb.h has it; here there is no faster way for the headers in front. */
static __always_inline int packet_load_front(const struct packet_source *source, __u32 at, void *to, __u32 bytes)
{
	return packet_load(source, at, to, bytes);
}

#endif
