/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * A tc program's packet and its device as the kernel has them. Where the kernel turns one into the other, their fields
 * are read like memory of our own; where it doesn't, by a copy a field. Decided when the program is loaded: what isn't
 * taken is dead code then, and gone.
 */
#ifndef MILLRACE_KERNEL_SKB_H
#define MILLRACE_KERNEL_SKB_H

#include "lib/kernel.h"

/* since: 6.2 (fd264ca02094, "bpf: Add a kfunc to type cast from bpf uapi ctx to kernel ctx") */
extern void *bpf_cast_to_kern_ctx(void *) __ksym __weak;

/* The kernel's own list of such functions tells that it has this one. */
enum special_kfunc_type___here {
	KF_bpf_cast_to_kern_ctx___here = 1,
};
#define KERNEL_SKB_IS_TYPED                                                                                            \
	bpf_core_enum_value_exists(enum special_kfunc_type___here, KF_bpf_cast_to_kern_ctx___here)

/* verifier: a function, so that where it isn't called it takes no room on the stack, of which every byte is needed. */
static __noinline __u64 kernel_word(const void *at, __u32 bytes)
{
	__u64 word = 0;

	if (bytes <= sizeof(word))
		bpf_probe_read_kernel(&word, bytes, at);
	return word;
}

/* A field, of at most 8 bytes, of what kernel_skb() leads to. */
#define KERNEL_READ(from, field)                                                                                       \
	({                                                                                                             \
		_Static_assert(sizeof((from)->field) <= sizeof(__u64), "kernel_word has no room for " #field);         \
		KERNEL_SKB_IS_TYPED ? (from)->field                                                                    \
				    : (typeof((from)->field))kernel_word(&(from)->field, sizeof((from)->field));       \
	})

/* To be read by KERNEL_READ alone. What a tc program is given has always been this very struct, under another type. */
static __always_inline struct sk_buff *kernel_skb(struct __sk_buff *skb)
{
	return KERNEL_SKB_IS_TYPED ? bpf_cast_to_kern_ctx(skb) : (struct sk_buff *)skb;
}

static __always_inline struct net_device *kernel_device(struct __sk_buff *skb)
{
	struct sk_buff *kernel = kernel_skb(skb);

	return KERNEL_READ(kernel, dev);
}

static __always_inline __u64 device_netns_cookie(const struct net_device *dev)
{
	const struct net *net = KERNEL_READ(dev, nd_net.net);

	return KERNEL_READ(net, net_cookie);
}

#endif
