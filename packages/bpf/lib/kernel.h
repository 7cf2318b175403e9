/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * The kernel's types from its BTF, libbpf's helpers, and the few constants that BTF doesn't carry because
 * the kernel has them as macros. Nothing of Millrace's own.
 */
#ifndef MILLRACE_KERNEL_H
#define MILLRACE_KERNEL_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define TCX_NEXT_PROGRAM (-1) /* what a tc program returns to have no say */
#define TCX_DROP_PACKET 2   /* TC_ACT_SHOT */

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86DD
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88A8
#define ETH_HEADER_BYTES 14
#define PACKET_HOST 0
#define PACKET_BROADCAST 1 /* linux/if_packet.h: for us, for everybody, for a group, for somebody else */
#define PACKET_MULTICAST 2
#define PACKET_OTHERHOST 3
#define ARPHRD_ETHER 1
#define ARPHRD_LOOPBACK 772

#define EEXIST 17
#define EINVAL 22

#define AF_INET 2
#define AF_INET6 10

#define IP_MORE_FRAGMENTS 0x2000
#define IP_FRAGMENT_OFFSET 0x1FFF
#define NEXTHDR_HOP 0
#define NEXTHDR_ROUTING 43
#define NEXTHDR_FRAGMENT 44
#define NEXTHDR_AUTH 51
#define NEXTHDR_ICMP6 58
#define NEXTHDR_DEST 60

#define TCP_FLAG_BYTE_FIN 0x01
#define TCP_FLAG_BYTE_SYN 0x02
#define TCP_FLAG_BYTE_RST 0x04
#define TCP_FLAG_BYTE_ACK 0x10

#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile typeof(x) *)&(x) = (value))

/*
 * verifier: looked at once by itself, and not again for each of the ways that lead to a call. Before 6.4 also the only
 * way to have it forget what doesn't matter: there it takes all that was ever in a caller's frame for of consequence.
 * A map's key may not lie in what such a function is given, before 6.5: it is copied.
 */
#define VERIFIED_ALONE __noinline /* not static */

#endif
