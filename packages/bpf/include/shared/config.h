/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * What the observer is loaded with, in .rodata, so that the verifier prunes what is off. Not for anything
 * that changes while it runs: that lives in maps.
 */
#ifndef MILLRACE_CONFIG_H
#define MILLRACE_CONFIG_H

#include "abi.h"

struct observe_config {
	__u64 abi_hash;        /* the layouts the agent was built with; `abi_matches` compares */
	__u32 break_counter;   /* tests only: 1 makes every 64th flow update vanish, which conservation must notice */
	__u32 flow_budget;     /* entries of `flows` that one endpoint may hold; 0: as many as there are */
	__u32 netkit;          /* 1: pods' links may be netkit pairs */
	__u32 _pad0;
};
ABI_SIZE(struct observe_config, 24);

#endif
