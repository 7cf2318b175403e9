/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * What every shared record stands on. The headers in this folder are the one home of the layouts that
 * kernel and user space exchange: fixed-width types, explicit padding, no pointers, no bitfields, no
 * conditional compilation. TypeScript decoders are generated from the BTF of src/abi.bpf.c; nobody
 * writes an offset by hand. Not for helpers or maps: those live in lib/ and src/.
 */
#ifndef MILLRACE_ABI_H
#define MILLRACE_ABI_H

#define ABI_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " changed size")

/* Times are CLOCK_BOOTTIME nanoseconds; 0 means never. */

#endif
