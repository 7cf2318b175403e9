/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/*
 * Boot time for a packet's record: as old as the last timer tick, because reading the clock costs as much
 * as a map look-up and twice the rest of an update. What must be exact reads bpf_ktime_get_boot_ns itself.
 */
#ifndef MILLRACE_CLOCK_H
#define MILLRACE_CLOCK_H

#include "lib/kernel.h"

static volatile __u64 clock_tick;
static volatile __u64 clock_tick_ns;

/*
 * race: CPUs write the pair without a lock, the time first. A reader between the two stores of a writer
 * that was held up sees that writer's time: old by as long as it was held up, at most once per tick. Users
 * never let a time of a record go back.
 */
static __always_inline __u64 clock_boot_ns_coarse(void)
{
	__u64 tick = bpf_jiffies64();

	if (clock_tick != tick) {
		clock_tick_ns = bpf_ktime_get_boot_ns();
		clock_tick = tick;
	}
	return clock_tick_ns;
}

#endif
