"""
Stands in a network namespace, answers whoever opens a connection there, and opens connections when told to: a line of
JSON each on standard input, its outcome a line on standard output. prober.ts drives it. TCP and UDP by the kernel's
sockets, echoes and SCTP by packets of our own: a kernel need not have SCTP for its packets to be carried and judged.
It ends with its standard input.
"""

import errno
import heapq
import json
import os
import selectors
import socket
import struct
import sys
import time

NAME, PORTS = sys.argv[1], [int(port) for port in sys.argv[2].split(",")]
ICMP, ICMP6, SCTP = 1, 58, 132
ECHO_REQUEST, ECHO_REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}
INIT, INIT_ACK = 1, 2
UNREACHABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH)

selector = selectors.DefaultSelector()
timers = []
attempts = {}  # those of echoes and SCTP that wait, by protocol, family and port
held = {}


def say(**what):
    os.write(1, (json.dumps(what) + "\n").encode())


class Attempt:
    """One that is under way. Over by an answer, an error or its time, whichever is first."""

    def __init__(self, wish):
        self.n, self.wish, self.sock, self.key, self.over = wish["n"], wish, None, None, False
        heapq.heappush(timers, (time.monotonic() + wish["waitMs"] / 1000, self.n, self))

    def end(self, outcome, by=None, keep=False):
        if self.over:
            return
        self.over = True
        attempts.pop(self.key, None)
        if self.sock and not keep:
            if self.wish.get("abrupt"):
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            let_go(self.sock)
        say(n=self.n, outcome=outcome, by=by)

    def fail(self, error):
        if error.errno == errno.ECONNREFUSED:
            self.end("refused")
        elif error.errno in UNREACHABLE:
            self.end("unreachable")
        else:
            self.end("broken", os.strerror(error.errno))


def let_go(sock):
    try:
        selector.unregister(sock)
    except KeyError:
        pass
    sock.close()


def watch(sock, mask, do):
    try:
        selector.modify(sock, mask, do)
    except KeyError:
        selector.register(sock, mask, do)


def guarded(attempt, do):
    def run():
        try:
            do()
        except BlockingIOError:
            pass
        except OSError as error:
            attempt.fail(error)

    return run


def family_of(address):
    return 6 if ":" in address else 4


def client_socket(attempt, kind):
    family = socket.AF_INET6 if family_of(attempt.wish["to"]) == 6 else socket.AF_INET
    sock = socket.socket(family, kind)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if attempt.wish.get("from"):
        sock.bind(("", attempt.wish["from"]))
    attempt.sock = sock
    return sock


# ---- TCP ----


def try_tcp(attempt, keep=False):
    sock = client_socket(attempt, socket.SOCK_STREAM)

    def greeted():
        data = sock.recv(100)
        if not data:
            return attempt.end("broken", "closed")
        if keep:
            held[attempt.n] = Held(sock)
        attempt.end("answered", data.decode().strip(), keep)

    def connected():
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
        watch(sock, selectors.EVENT_READ, guarded(attempt, greeted))

    error = sock.connect_ex((attempt.wish["to"], attempt.wish["port"]))
    if error not in (0, errno.EINPROGRESS):
        raise OSError(error, os.strerror(error))
    watch(sock, selectors.EVENT_WRITE, guarded(attempt, connected))


class Held:
    """A connection that is kept: what is said on it comes back, however late."""

    def __init__(self, sock):
        self.sock, self.sent, self.received, self.waiting, self.broken = sock, 0, 0, None, None
        watch(sock, selectors.EVENT_READ, self.read)

    def say(self, attempt):
        if self.broken:
            return attempt.end("broken", self.broken)
        self.waiting = attempt
        self.sock.send(b"x")
        self.sent += 1

    def read(self):
        try:
            data = self.sock.recv(4096)
        except OSError as error:
            return self.end(os.strerror(error.errno))
        if not data:
            return self.end("closed")
        self.received += len(data)
        if self.waiting and self.received == self.sent:
            self.waiting.end("answered")

    def end(self, why):
        self.broken = why
        let_go(self.sock)
        if self.waiting:
            self.waiting.end("broken", why)


def listen_tcp(port):
    server = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128)
    server.setblocking(False)

    def accept():
        sock, _ = server.accept()
        sock.setblocking(False)

        def echo():
            try:
                data = sock.recv(4096)
                if data:
                    sock.send(data)
                else:
                    let_go(sock)
            except OSError:
                let_go(sock)

        sock.send(NAME.encode() + b"\n")
        watch(sock, selectors.EVENT_READ, echo)

    watch(server, selectors.EVENT_READ, accept)


# ---- UDP ----


def try_udp(attempt):
    sock = client_socket(attempt, socket.SOCK_DGRAM)
    sock.connect((attempt.wish["to"], attempt.wish["port"]))
    watch(
        sock, selectors.EVENT_READ, guarded(attempt, lambda: attempt.end("answered", sock.recv(100).decode().strip()))
    )
    sock.send(b"?")


def listen_udp(port):
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(("::", port))
    server.setblocking(False)

    def answer():
        try:
            _, sender = server.recvfrom(100)
            server.sendto(NAME.encode() + b"\n", sender)
        except OSError:  # an ICMP error about an earlier answer
            pass

    watch(server, selectors.EVENT_READ, answer)


# ---- echoes ----


def internet_sum(data):
    words = struct.unpack(f"!{len(data) // 2}H", data)
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def try_icmp(attempt):
    family = family_of(attempt.wish["to"])
    attempt.key = (ICMP, family, attempt.wish["from"])
    attempts[attempt.key] = attempt
    packet = struct.pack("!BBHHH", ECHO_REQUEST[family], 0, 0, attempt.wish["from"], 1)
    if family == 4:  # ICMPv6's sum is the kernel's to make
        packet = packet[:2] + struct.pack("!H", internet_sum(packet)) + packet[4:]
    raw[ICMP, family].sendto(packet, (attempt.wish["to"], 0))


def take_icmp(family, packet, _):
    if len(packet) < 8:
        return
    kind, _, _, identifier, _ = struct.unpack_from("!BBHHH", packet)
    attempt = attempts.get((ICMP, family, identifier))
    if attempt and kind == ECHO_REPLY[family]:
        attempt.end("answered")


# ---- SCTP ----


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def sctp_packet(sport, dport, tag, chunk_type):
    """A header and one INIT or INIT ACK: how an association begins."""
    chunk = struct.pack("!BBHIIHHI", chunk_type, 0, 20, sport, 65536, 1, 1, sport)
    plain = struct.pack("!HHII", sport, dport, tag, 0) + chunk
    return plain[:8] + struct.pack("<I", crc32c(plain)) + plain[12:]


def try_sctp(attempt):
    family = family_of(attempt.wish["to"])
    attempt.key = (SCTP, family, attempt.wish["from"])
    attempts[attempt.key] = attempt
    packet = sctp_packet(attempt.wish["from"], attempt.wish["port"], 0, INIT)
    raw[SCTP, family].sendto(packet, (attempt.wish["to"], 0))


def take_sctp(family, packet, sender):
    if len(packet) < 32:
        return
    sport, dport = struct.unpack_from("!HH", packet)
    chunk_type, _, _, tag = struct.unpack_from("!BBHI", packet, 12)
    attempt = attempts.get((SCTP, family, dport))
    if chunk_type == INIT and dport in PORTS:
        raw[SCTP, family].sendto(sctp_packet(dport, sport, tag, INIT_ACK), (sender, 0))
    elif chunk_type == INIT_ACK and attempt:
        attempt.end("answered")


def open_raw(protocol, family, take):
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    number = ICMP6 if (protocol, family) == (ICMP, 6) else protocol
    sock = socket.socket(kind, socket.SOCK_RAW, number)
    sock.setblocking(False)

    def read():
        try:
            packet, sender = sock.recvfrom(2048)
        except OSError:
            return
        # Of IPv4 the header comes too.
        take(family, packet[(packet[0] & 15) * 4 :] if family == 4 else packet, sender[0])

    watch(sock, selectors.EVENT_READ, read)
    return sock


# ---- what is asked ----


def begin(wish):
    attempt = Attempt(wish)
    try:
        if wish["do"] == "hold":
            try_tcp(attempt, keep=True)
        elif wish["do"] == "say":
            held[wish["held"]].say(attempt)
        else:
            WAYS[wish["protocol"]](attempt)
    except OSError as error:
        attempt.fail(error)


WAYS = {"tcp": try_tcp, "udp": try_udp, "icmp": try_icmp, "sctp": try_sctp}
unread = b""


def take_lines():
    global unread
    data = os.read(0, 65536)
    if not data:
        sys.exit(0)
    *lines, unread = (unread + data).split(b"\n")
    for line in lines:
        begin(json.loads(line))


for port in PORTS:
    listen_tcp(port)
    listen_udp(port)
raw = {(ICMP, family): open_raw(ICMP, family, take_icmp) for family in (4, 6)} | {
    (SCTP, family): open_raw(SCTP, family, take_sctp) for family in (4, 6)
}
selector.register(0, selectors.EVENT_READ, take_lines)
say(ready=NAME)
while True:
    left = max(0, timers[0][0] - time.monotonic()) if timers else None
    for key, _ in selector.select(left):
        key.data()
    while timers and timers[0][0] <= time.monotonic():
        heapq.heappop(timers)[2].end("silent")
