/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0) */
/* What the programs at devices were loaded with; see shared/config.h. For one source only: it is a variable. */
#ifndef MILLRACE_OBSERVE_CONFIG_H
#define MILLRACE_OBSERVE_CONFIG_H

#include "lib/kernel.h"
#include "shared/config.h"

const volatile struct observe_config observe_config = {};

#endif
