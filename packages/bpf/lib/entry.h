/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * An entry is what is attached to a tracepoint, for good; what it calls is replaced when a newer object takes
 * over. The kernel can't replace a tracing program in its link; of two that are attached at once both would
 * count, and with none attached nobody would. A slot of a program array changes in one store: every event is
 * counted by the version before or by the one after. Not for hooks: their links can be updated.
 */
#ifndef MILLRACE_ENTRY_H
#define MILLRACE_ENTRY_H

#include "lib/kernel.h"

/* Only returns when the slot is empty: before the agent has filled it for the first time. */
static __always_inline int entry_call(void *ctx, void *programs)
{
	bpf_tail_call(ctx, programs, 0);
	return 0;
}

#endif
