// SPDX-License-Identifier: Apache-2.0
/*
 * TCP request/response, one byte each way, in slices on demand: the two ends of the benchmarks that compare a
 * path with programs to the same path without. Not a load tool: one connection, one CPU.
 *
 *   rr server ADDRESS PORT CPU
 *   rr client ADDRESS PORT CPU      reads "MILLISECONDS\n" from stdin, prints the slice's transactions and ns
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("sched_setaffinity");
}

static struct addrinfo *resolve(const char *address, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST }, *found;
	int error = getaddrinfo(address, port, &hints, &found);

	if (error) {
		fprintf(stderr, "%s: %s\n", address, gai_strerror(error));
		exit(1);
	}
	return found;
}

static void no_delay(int fd)
{
	int on = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		fail("TCP_NODELAY");
}

static _Noreturn void serve(struct addrinfo *at)
{
	int on = 1, listener = socket(at->ai_family, SOCK_STREAM, 0);
	char byte;

	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(listener, at->ai_addr, at->ai_addrlen) || listen(listener, 16))
		fail("listen");
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			fail("accept");
		no_delay(fd);
		while (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) == 1)
			;
		close(fd);
	}
}

static uint64_t exchange_until(int fd, uint64_t end)
{
	uint64_t done = 0;
	char byte = 'x';

	do {
		for (int i = 0; i < 16; i++, done++)
			if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
				fail("exchange");
	} while (now_ns() < end);
	return done;
}

static void drive(struct addrinfo *at)
{
	int fd = socket(at->ai_family, SOCK_STREAM, 0);
	char line[32];

	if (fd < 0 || connect(fd, at->ai_addr, at->ai_addrlen))
		fail("connect");
	no_delay(fd);
	while (fgets(line, sizeof(line), stdin)) {
		uint64_t start = now_ns();
		uint64_t done = exchange_until(fd, start + strtoull(line, NULL, 10) * 1000000ull);

		printf("%llu %llu\n", (unsigned long long)done, (unsigned long long)(now_ns() - start));
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: rr server|client ADDRESS PORT CPU\n");
		return 64;
	}
	pin(atoi(argv[4]));
	if (!strcmp(argv[1], "server"))
		serve(resolve(argv[2], argv[3]));
	drive(resolve(argv[2], argv[3]));
	return 0;
}
