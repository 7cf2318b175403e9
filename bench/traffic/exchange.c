// SPDX-License-Identifier: Apache-2.0
/*
 * The two ends of the benchmarks that compare one path with another: one connection or socket, one CPU, in slices on
 * demand. Not a load tool.
 *
 *   exchange server ADDRESS PORT CPU    echoes on PORT, answers once and closes on PORT+1, takes bytes on PORT+2,
 *                                       and datagrams on PORT+3, the last of each burst with an answer
 *   exchange client ADDRESS PORT CPU    reads "LOAD MILLISECONDS\n" from stdin, prints what the slice did and its ns
 *
 * LOAD: rr     request and response of one byte on one connection     (exchanges)
 *       crr    connect, request, response, close                      (connections)
 *       bulk   one connection, as fast as it takes                    (bytes that the other end has)
 *       udp    datagrams of 18 bytes in bursts                        (datagrams that the other end has)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "traffic.h"

#define BURST 32
#define DATAGRAM 18
#define BULK (256 << 10)

enum port { ECHO, ONCE, DISCARD, DATAGRAMS, PORTS };

static struct addrinfo *resolve(const char *address, int port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST }, *found;
	char service[16];
	int error;

	snprintf(service, sizeof(service), "%d", port);
	error = getaddrinfo(address, service, &hints, &found);
	if (error) {
		fprintf(stderr, "%s: %s\n", address, gai_strerror(error));
		exit(1);
	}
	return found;
}

static int open_socket(struct addrinfo *at, int type)
{
	int on = 1, fd = socket(at->ai_family, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || (type == SOCK_STREAM && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on))))
		fail("socket");
	return fd;
}

static int connected(struct addrinfo *at, int type)
{
	int fd = open_socket(at, type);

	if (connect(fd, at->ai_addr, at->ai_addrlen))
		fail("connect");
	return fd;
}

/* ---- the server ---- */

static int bound(struct addrinfo *at, int type)
{
	int on = 1, bytes = 4 << 20, fd = open_socket(at, type);

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) || bind(fd, at->ai_addr, at->ai_addrlen) ||
	    (type == SOCK_STREAM && listen(fd, 128)) ||
	    (type == SOCK_DGRAM && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes))))
		fail("listen");
	return fd;
}

static void echo(int fd)
{
	char byte;

	while (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) == 1)
		;
}

static void answer_once(int fd)
{
	char byte;

	if (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) != 1)
		fail("answer");
}

/* Tells how much came when the sender says that it has sent all. */
static void discard(int fd)
{
	static char bytes[BULK];
	uint64_t sum = 0;
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		sum += (uint64_t)n;
	if (write(fd, &sum, sizeof(sum)) != sizeof(sum))
		fail("answer");
}

static _Noreturn void accept_all(int listener, void (*serve)(int))
{
	int on = 1;

	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
			fail("accept");
		serve(fd);
		close(fd);
	}
}

/* A burst's last datagram says so in its first byte; the answer is how many of them came, that one included. */
static _Noreturn void take_datagrams(int fd)
{
	struct sockaddr_storage from;
	char bytes[DATAGRAM];
	uint32_t came = 0;

	for (;;) {
		socklen_t length = sizeof(from);

		if (recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &length) < 1)
			continue;
		came++;
		if (!bytes[0])
			continue;
		if (sendto(fd, &came, sizeof(came), 0, (struct sockaddr *)&from, length) < 0)
			fail("answer");
		came = 0;
	}
}

static _Noreturn void serve(const char *address, int first)
{
	int sockets[PORTS];

	for (int port = 0; port < PORTS; port++)
		sockets[port] = bound(resolve(address, first + port), port == DATAGRAMS ? SOCK_DGRAM : SOCK_STREAM);
	printf("ready\n");
	fflush(stdout);
	for (int port = ONCE; port < PORTS; port++) {
		pid_t child = fork();

		if (child < 0)
			fail("fork");
		if (child)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (port == DATAGRAMS)
			take_datagrams(sockets[port]);
		accept_all(sockets[port], port == ONCE ? answer_once : discard);
	}
	accept_all(sockets[ECHO], echo);
}

/* ---- the client ---- */

struct slice {
	struct addrinfo *at[PORTS];
	uint64_t end;
};

static void exchange(int fd)
{
	char byte = 'x';

	if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
		fail("exchange");
}

static uint64_t exchanges(const struct slice *slice)
{
	int fd = connected(slice->at[ECHO], SOCK_STREAM);
	uint64_t done = 0;

	do {
		for (int i = 0; i < 16; i++, done++)
			exchange(fd);
	} while (now_ns() < slice->end);
	close(fd);
	return done;
}

static uint64_t connections(const struct slice *slice)
{
	uint64_t done = 0;
	char byte;

	do {
		int fd = connected(slice->at[ONCE], SOCK_STREAM);

		exchange(fd);
		/* The server closes first: the wait for stragglers is its own, and this end's ports are free at once. */
		if (read(fd, &byte, 1))
			fail("close");
		close(fd);
		done++;
	} while (now_ns() < slice->end);
	return done;
}

static uint64_t bulk(const struct slice *slice)
{
	static char bytes[BULK];
	int fd = connected(slice->at[DISCARD], SOCK_STREAM);
	uint64_t sum;

	do {
		if (write(fd, bytes, sizeof(bytes)) < 0)
			fail("write");
	} while (now_ns() < slice->end);
	if (shutdown(fd, SHUT_WR) || read(fd, &sum, sizeof(sum)) != sizeof(sum))
		fail("answer");
	close(fd);
	return sum;
}

static uint64_t datagrams(const struct slice *slice)
{
	struct timeval patience = { .tv_usec = 20000 };
	int fd = connected(slice->at[DATAGRAMS], SOCK_DGRAM);
	uint64_t done = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		fail("SO_RCVTIMEO");
	do {
		char bytes[DATAGRAM] = { 0 };
		uint32_t came;

		for (int i = 0; i < BURST; i++) {
			bytes[0] = i == BURST - 1;
			if (send(fd, bytes, sizeof(bytes), 0) < 0)
				fail("send");
		}
		if (recv(fd, &came, sizeof(came), 0) == sizeof(came))
			done += came;
		else if (errno != EAGAIN)
			fail("answer");
	} while (now_ns() < slice->end);
	close(fd);
	return done;
}

static const struct {
	const char *name;
	uint64_t (*run)(const struct slice *slice);
} loads[] = { { "rr", exchanges }, { "crr", connections }, { "bulk", bulk }, { "udp", datagrams } };

static uint64_t run(const char *load, const struct slice *slice)
{
	for (size_t i = 0; i < sizeof(loads) / sizeof(*loads); i++)
		if (!strcmp(loads[i].name, load))
			return loads[i].run(slice);
	fprintf(stderr, "no load is called %s\n", load);
	exit(64);
}

static void drive(const char *address, int first)
{
	struct slice slice;
	char load[8];
	unsigned int ms;

	for (int port = 0; port < PORTS; port++)
		slice.at[port] = resolve(address, first + port);
	while (scanf("%7s %u", load, &ms) == 2) {
		uint64_t start = now_ns(), done;

		slice.end = start + ms * 1000000ull;
		done = run(load, &slice);
		printf("%llu %llu\n", (unsigned long long)done, (unsigned long long)(now_ns() - start));
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: exchange server|client ADDRESS PORT CPU\n");
		return 64;
	}
	pin(atoi(argv[4]));
	if (!strcmp(argv[1], "server"))
		serve(argv[2], atoi(argv[3]));
	drive(argv[2], atoi(argv[3]));
	return 0;
}
