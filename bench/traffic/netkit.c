// SPDX-License-Identifier: Apache-2.0
/*
 * Attaches a pinned program to what one end of a netkit pair sends, and pins the link.
 *
 *   netkit PROGRAM primary|peer DEVICE LINK      DEVICE: the primary end, in this namespace
 */
#define _GNU_SOURCE
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "traffic.h"

/* Of union bpf_attr. since: 6.7; Debian's headers are older */
enum { OBJ_PIN = 6, OBJ_GET = 7, LINK_CREATE = 28 };
enum { PRIMARY = 54, PEER = 55 };

union attribute {
	struct {
		uint64_t path;
		uint32_t fd, flags;
	} pin;
	struct {
		uint32_t program, ifindex, type, flags;
	} link;
	char zero[64];
};

static int bpf(int command, union attribute *attribute, const char *what)
{
	int result = (int)syscall(SYS_bpf, command, attribute, sizeof(*attribute));

	if (result < 0)
		fail(what);
	return result;
}

int main(int argc, char **argv)
{
	union attribute get = { 0 }, create = { 0 }, pin = { 0 };

	if (argc != 5) {
		fprintf(stderr, "usage: netkit PROGRAM primary|peer DEVICE LINK\n");
		return 64;
	}
	get.pin.path = (uintptr_t)argv[1];
	create.link.program = (uint32_t)bpf(OBJ_GET, &get, argv[1]);
	create.link.ifindex = if_nametoindex(argv[3]);
	create.link.type = strcmp(argv[2], "peer") ? PRIMARY : PEER;
	pin.pin.path = (uintptr_t)argv[4];
	pin.pin.fd = (uint32_t)bpf(LINK_CREATE, &create, argv[3]);
	bpf(OBJ_PIN, &pin, argv[4]);
	return 0;
}
