// SPDX-License-Identifier: Apache-2.0
/*
 * What an exchange costs by the time-stamp counter, which counts instructions under QEMU's -icount and nothing useful
 * anywhere else. Each exchange by itself, so that a timer's interrupt is in one sample and not in all. Both ends are in
 * this process, one after the other on one CPU: no scheduler, and a packet arrives within the call that sends it.
 *
 *   instructions loop N COUNT                               a loop of 2 N instructions, and the monotonic clock over it
 *   instructions rr|crr CLIENT SERVER ADDRESS VIRTUAL PORT COUNT
 *
 * CLIENT and SERVER are paths of namespaces; VIRTUAL is where the client finds ADDRESS. rr: a byte there and back on one
 * connection; crr: connect, accept, that, close. Prints one number a sample.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <x86intrin.h>

#include "traffic.h"

#define MOST 100000
#define WARM_UP 200

static uint64_t samples[MOST];

static void enter(const char *netns)
{
	int fd = open(netns, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		fail(netns);
	close(fd);
}

static struct sockaddr_in place(const char *address, int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
		fail(address);
	return at;
}

static int stream(void)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		fail("socket");
	return fd;
}

static int listening(const char *address, int port)
{
	struct sockaddr_in at = place(address, port);
	int on = 1, fd = stream();

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 128))
		fail("listen");
	return fd;
}

struct ends {
	int client, server;
};

static struct ends connected(int listener, const struct sockaddr_in *at)
{
	struct ends ends = { .client = stream() };

	if (connect(ends.client, (const struct sockaddr *)at, sizeof(*at)))
		fail("connect");
	ends.server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (ends.server < 0)
		fail("accept");
	return ends;
}

static void exchange(struct ends ends)
{
	char byte = 'x';

	if (write(ends.client, &byte, 1) != 1 || read(ends.server, &byte, 1) != 1 ||
	    write(ends.server, &byte, 1) != 1 || read(ends.client, &byte, 1) != 1)
		fail("exchange");
}

/* The server closes first: the wait for stragglers is its own, and the client's ports are free at once. */
static void disconnect(struct ends ends)
{
	char byte;

	close(ends.server);
	if (read(ends.client, &byte, 1))
		fail("close");
	close(ends.client);
}

static void exchanges(int listener, const struct sockaddr_in *at, int count)
{
	struct ends ends = connected(listener, at);
	int on = 1;

	if (setsockopt(ends.server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		fail("TCP_NODELAY");
	for (int i = -WARM_UP; i < count; i++) {
		uint64_t begin = __rdtsc();

		exchange(ends);
		samples[i < 0 ? 0 : i] = __rdtsc() - begin;
	}
	disconnect(ends);
}

static void connections(int listener, const struct sockaddr_in *at, int count)
{
	for (int i = -WARM_UP; i < count; i++) {
		uint64_t begin = __rdtsc();
		struct ends ends = connected(listener, at);

		exchange(ends);
		disconnect(ends);
		samples[i < 0 ? 0 : i] = __rdtsc() - begin;
	}
}

static void loops(uint32_t n, int count)
{
	for (int i = 0; i < count; i++) {
		uint32_t left = n;
		uint64_t clock = now_ns(), begin = __rdtsc();

		asm volatile("1: dec %0\n\tjnz 1b" : "+r"(left) : : "cc");
		samples[i] = __rdtsc() - begin;
		clock = now_ns() - clock;
		printf("%llu %llu\n", (unsigned long long)samples[i], (unsigned long long)clock);
	}
}

static int count_of(const char *text)
{
	int count = atoi(text);

	if (count < 1 || count > MOST) {
		fprintf(stderr, "instructions: 1 to %d samples\n", MOST);
		exit(64);
	}
	return count;
}

static void exchange_between(char **argv)
{
	struct sockaddr_in at = place(argv[5], atoi(argv[6]));
	int count = count_of(argv[7]), listener;

	enter(argv[3]);
	listener = listening(argv[4], atoi(argv[6]));
	enter(argv[2]);
	if (!strcmp(argv[1], "rr"))
		exchanges(listener, &at, count);
	else
		connections(listener, &at, count);
	for (int i = 0; i < count; i++)
		printf("%llu\n", (unsigned long long)samples[i]);
}

int main(int argc, char **argv)
{
	pin(0);
	/* A page that is touched for the first time would be counted. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		fail("mlockall");
	memset(samples, 1, sizeof(samples));
	if (argc == 4 && !strcmp(argv[1], "loop")) {
		loops((uint32_t)atoi(argv[2]), count_of(argv[3]));
		return 0;
	}
	if (argc == 8 && (!strcmp(argv[1], "rr") || !strcmp(argv[1], "crr"))) {
		exchange_between(argv);
		return 0;
	}
	fprintf(stderr, "usage: instructions loop N COUNT | rr|crr CLIENT SERVER ADDRESS VIRTUAL PORT COUNT\n");
	return 64;
}
