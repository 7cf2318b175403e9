// SPDX-License-Identifier: Apache-2.0
/*
 * New UDP flows at a steady rate: each datagram from a source port and to a destination port that its
 * predecessor did not use, so that every one opens a flow. Raw sockets, IPv4. Prints what it sent at the end.
 *
 *   flowgen SOURCE DESTINATION FLOWS_PER_SECOND SECONDS
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "traffic.h"

struct datagram {
	struct iphdr ip;
	struct udphdr udp;
	char payload[16];
} __attribute__((packed));

static void wait_until(uint64_t when)
{
	struct timespec t = { .tv_sec = (time_t)(when / 1000000000ull), .tv_nsec = (long)(when % 1000000000ull) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void fill(struct datagram *d, const char *source, const char *destination)
{
	memset(d, 0, sizeof(*d));
	d->ip = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP };
	d->ip.tot_len = htons(sizeof(*d));
	if (inet_pton(AF_INET, source, &d->ip.saddr) != 1 || inet_pton(AF_INET, destination, &d->ip.daddr) != 1) {
		fprintf(stderr, "flowgen: SOURCE and DESTINATION are IPv4 addresses\n");
		exit(64);
	}
	d->udp.len = htons(sizeof(*d) - sizeof(d->ip));
}

int main(int argc, char **argv)
{
	struct datagram d;
	struct sockaddr_in to = { .sin_family = AF_INET };
	uint64_t start, total, sent = 0, failed = 0;
	double rate;
	int fd;

	if (argc != 5) {
		fprintf(stderr, "usage: flowgen SOURCE DESTINATION FLOWS_PER_SECOND SECONDS\n");
		return 64;
	}
	fill(&d, argv[1], argv[2]);
	to.sin_addr.s_addr = d.ip.daddr;
	rate = atof(argv[3]);
	total = (uint64_t)(rate * atof(argv[4]));
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	if (fd < 0) {
		perror("raw socket");
		return 1;
	}
	start = now_ns();
	for (uint64_t i = 0; i < total; i++) {
		/* 28,000 source ports, then the next destination port: no tuple repeats for 28 M flows. */
		d.udp.source = htons((uint16_t)(32768 + i % 28000));
		d.udp.dest = htons((uint16_t)(10000 + i / 28000 % 1000));
		if (sendto(fd, &d, sizeof(d), 0, (struct sockaddr *)&to, sizeof(to)) == (ssize_t)sizeof(d))
			sent++;
		else
			failed++;
		if (i % 100 == 99)
			wait_until(start + (uint64_t)((double)(i + 1) / rate * 1e9));
	}
	printf("%llu %llu\n", (unsigned long long)sent, (unsigned long long)failed);
	return 0;
}
