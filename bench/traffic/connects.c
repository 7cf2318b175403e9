// SPDX-License-Identifier: Apache-2.0
/*
 * Connects to virtual addresses, in slices on demand, one after the other from one CPU: what choosing a backend costs a
 * connect. UDP connects the same socket again and again, and no packet is sent; TCP is refused by a closed port, so that
 * nobody's accept queue is measured.
 *
 *   connects udp|tcp FIRST PORT CPU     reads "COUNT MILLISECONDS\n": connects to one of COUNT addresses from FIRST on,
 *                                       any of them, and prints how many and the slice's ns
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "traffic.h"

static int open_socket(int type)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fail("socket");
	return fd;
}

static void connect_once(int fd, uint32_t address, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };

	to.sin_addr.s_addr = htonl(address);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) && errno != ECONNREFUSED)
		fail("connect");
}

static uint64_t slice(int type, uint32_t first, uint16_t port, uint32_t count, uint64_t end)
{
	static uint32_t random_state = 1;
	int fd = type == SOCK_DGRAM ? open_socket(type) : -1;
	uint64_t done = 0;

	while (now_ns() < end) {
		random_state = random_state * 1664525u + 1013904223u;
		if (type == SOCK_STREAM)
			fd = open_socket(type);
		connect_once(fd, first + (uint32_t)(((uint64_t)random_state * count) >> 32), port);
		if (type == SOCK_STREAM)
			close(fd);
		done++;
	}
	if (type == SOCK_DGRAM)
		close(fd);
	return done;
}

int main(int argc, char **argv)
{
	struct in_addr first;
	unsigned int count, ms;

	if (argc != 5 || inet_pton(AF_INET, argv[2], &first) != 1) {
		fprintf(stderr, "connects udp|tcp FIRST PORT CPU\n");
		return 64;
	}
	pin(atoi(argv[4]));
	while (scanf("%u %u", &count, &ms) == 2) {
		int type = strcmp(argv[1], "udp") ? SOCK_STREAM : SOCK_DGRAM;
		uint64_t start = now_ns();
		uint64_t done = slice(type, ntohl(first.s_addr), (uint16_t)atoi(argv[3]), count, start + ms * 1000000ull);

		printf("%llu %llu\n", (unsigned long long)done, (unsigned long long)(now_ns() - start));
		fflush(stdout);
	}
	return 0;
}
