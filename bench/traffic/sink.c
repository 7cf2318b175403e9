// SPDX-License-Identifier: Apache-2.0
/*
 * Takes UDP datagrams on a range of ports and forgets them, so that flowgen's meet no closed port and make no
 * answers. Ends with its parent.
 *
 *   sink ADDRESS FIRST_PORT LAST_PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define MOST_PORTS 1000
#define BATCH 64

static int bound(const char *address, int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), bytes = 4 << 20;

	if (fd < 0 || inet_pton(AF_INET, address, &at.sin_addr) != 1 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at))) {
		perror("bind");
		exit(1);
	}
	return fd;
}

static void drain(int fd)
{
	static char bytes[BATCH][64];
	static struct iovec parts[BATCH];
	static struct mmsghdr messages[BATCH];

	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ bytes[i], sizeof(bytes[i]) };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
	}
	while (recvmmsg(fd, messages, BATCH, 0, NULL) > 0)
		;
}

int main(int argc, char **argv)
{
	struct pollfd ports[MOST_PORTS];
	int first, count;

	if (argc != 4 || (first = atoi(argv[2])) < 1 || (count = atoi(argv[3]) - first + 1) < 1 ||
	    count > MOST_PORTS) {
		fprintf(stderr, "usage: sink ADDRESS FIRST_PORT LAST_PORT, at most %d ports\n", MOST_PORTS);
		return 64;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < count; i++)
		ports[i] = (struct pollfd){ .fd = bound(argv[1], first + i), .events = POLLIN };
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		if (poll(ports, (nfds_t)count, -1) < 0)
			return 1;
		for (int i = 0; i < count; i++)
			if (ports[i].revents)
				drain(ports[i].fd);
	}
}
