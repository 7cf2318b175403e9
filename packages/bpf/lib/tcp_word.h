/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/* What a flow's record keeps of its connection: four bytes that change as one word, by compare and swap. */
#ifndef MILLRACE_TCP_WORD_H
#define MILLRACE_TCP_WORD_H

#include "lib/kernel.h"
#include "shared/flow.h"

union tcp_word {
	__u32 word;
	struct {
		__u8 flags[FLOW_DIRECTIONS];
		__u8 state;
		__u8 opener;
	};
};

#endif
