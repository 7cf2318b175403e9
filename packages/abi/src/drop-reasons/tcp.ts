/*
 * TCP's reasons. Many of them are the protocol at work: an old acknowledgement is discarded and nothing is lost.
 */
import { type DropReasonTable, NOTHING_TO_DO, reason } from "./reason.ts";

const SIGNATURE =
  "Compare the keys (MD5 or TCP-AO) that both ends have configured for each other; BGP daemons are the usual users.";
const OUT_OF_WINDOW =
  "A few after a connection ended badly are normal. Many: look for a middlebox that rewrites sequence numbers, duplicated packets, or two machines with one address.";

export const TCP_REASONS: DropReasonTable = {
  TCP_CSUM: reason(
    "loss",
    "TCP checksum wrong",
    "The segment was damaged on the way, or was sent before its checksum was filled in (checksum offload across a path that doesn't do it).",
    "Compare with and without `ethtool -K <device> tx off` at the sender; else look for faulty hardware on the way.",
  ),
  TCP_AUTH_HDR: reason(
    "loss",
    "TCP signature malformed",
    "Both an MD5 and a TCP-AO signature, or one that can't be parsed.",
    SIGNATURE,
  ),
  TCP_MD5NOTFOUND: reason(
    "loss",
    "TCP MD5 signature missing",
    "This peer must sign its segments (MD5), and this one isn't signed.",
    SIGNATURE,
  ),
  TCP_MD5UNEXPECTED: reason(
    "loss",
    "Unexpected TCP MD5 signature",
    "The segment is signed (MD5), but no key is configured for this peer.",
    SIGNATURE,
  ),
  TCP_MD5FAILURE: reason(
    "loss",
    "TCP MD5 signature wrong",
    "The signature (MD5) doesn't fit: the keys differ, or something on the way changed the segment.",
    SIGNATURE,
  ),
  TCP_AONOTFOUND: reason(
    "loss",
    "TCP-AO signature missing",
    "This peer must sign its segments (TCP-AO), and this one isn't signed.",
    SIGNATURE,
  ),
  TCP_AOUNEXPECTED: reason(
    "loss",
    "Unexpected TCP-AO signature",
    "The segment is signed (TCP-AO), but no key is configured for this peer.",
    SIGNATURE,
  ),
  TCP_AOKEYNOTFOUND: reason(
    "loss",
    "TCP-AO key unknown",
    "The segment names a TCP-AO key that this end doesn't have.",
    SIGNATURE,
  ),
  TCP_AOFAILURE: reason(
    "loss",
    "TCP-AO signature wrong",
    "The signature (TCP-AO) doesn't fit: the keys differ, or something on the way changed the segment.",
    SIGNATURE,
  ),
  TCP_FLAGS: reason(
    "loss",
    "TCP flags make no sense here",
    "The segment's flags don't fit the state of the connection, for instance an ACK for a socket that only listens.",
    "Usually a connection that only one end still knows: look for a restarted peer, a timed-out NAT or firewall entry, or a port scan.",
  ),
  TCP_ABORT_ON_DATA: reason(
    "loss",
    "Data for a socket that was closed",
    "Data arrived after the application had closed its socket; the connection was reset and the data lost.",
    "Check why the receiver closes before the sender is done: a timeout, a crash, an early return.",
  ),
  TCP_ZEROWINDOW: reason(
    "loss",
    "Receive window closed",
    "The receiver had said that it has no room (window 0), and data came all the same.",
    "The application doesn't read fast enough: look at its CPU and at what keeps it from reading.",
  ),
  TCP_OLD_DATA: reason(
    "ordinary",
    "Data received twice",
    "A retransmission of something that had arrived already: only the copy is discarded.",
    "Nothing for this packet; if there are many, look at the flow's retransmits and its RTT.",
  ),
  TCP_OVERWINDOW: reason(
    "loss",
    "Beyond the receive window",
    "The sender sent more than the receiver had room for.",
    "The application doesn't read fast enough, or its receive buffer was shrunk: look at its CPU and at SO_RCVBUF.",
  ),
  TCP_OFOMERGE: reason(
    "ordinary",
    "Out-of-order data received twice",
    "The same out-of-order data was waiting already: only the copy is discarded.",
    NOTHING_TO_DO,
  ),
  TCP_RFC7323_PAWS: reason(
    "loss",
    "TCP timestamp older than the last",
    "The segment's timestamp goes back, so it is taken for one from an old connection (PAWS).",
    "Typical of several clients behind one NAT address whose clocks differ, or of a load balancer that mixes connections.",
  ),
  TCP_RFC7323_PAWS_ACK: reason(
    "ordinary",
    "Late acknowledgement with an old timestamp",
    "An acknowledgement that was overtaken by a later one.",
    NOTHING_TO_DO,
  ),
  TCP_RFC7323_TW_PAWS: reason(
    "loss",
    "SYN with an old timestamp",
    "A new connection on a tuple that was closed moments ago, with a timestamp older than the old connection's.",
    "Typical of many clients behind one NAT address: widen its port range, or use more addresses.",
  ),
  TCP_RFC7323_TSECR: reason(
    "loss",
    "TCP timestamp echo out of range",
    "The segment echoes a timestamp that this end didn't send in this connection.",
    "Look for a middlebox or a proxy that rewrites TCP options, or for spoofed segments.",
  ),
  TCP_LISTEN_OVERFLOW: reason(
    "loss",
    "Listen queue full",
    "Connections come faster than the application accepts them, so its queue of finished handshakes is full.",
    "Look at the server's accept loop and CPU; raise its listen backlog and net.core.somaxconn for bursts.",
  ),
  TCP_OLD_SEQUENCE: reason(
    "ordinary",
    "Sequence already received",
    "A retransmission of something that had arrived already.",
    "Nothing for this packet; if there are many, look at the flow's retransmits and its RTT.",
  ),
  TCP_INVALID_SEQUENCE: reason(
    "loss",
    "Sequence number out of the window",
    "The segment's sequence number is nowhere near what the connection expects.",
    OUT_OF_WINDOW,
  ),
  TCP_INVALID_END_SEQUENCE: reason(
    "loss",
    "Segment ends beyond the window",
    "The segment begins in the window and ends far beyond it.",
    OUT_OF_WINDOW,
  ),
  TCP_INVALID_ACK_SEQUENCE: reason(
    "loss",
    "Acknowledges something never sent",
    "During the handshake, the acknowledgement number doesn't fit the SYN.",
    "Look for a connection that only one end still knows, or for two machines with one address.",
  ),
  TCP_RESET: reason(
    "ordinary",
    "Reset that doesn't fit",
    "A reset (RST) whose sequence number isn't exactly the expected one is ignored, as a protection against forged resets.",
    "Nothing for a few; many from one address may be an attempt to break connections.",
  ),
  TCP_INVALID_SYN: reason(
    "loss",
    "SYN inside a connection",
    "A SYN for a connection that exists already.",
    "Usually a peer that restarted and reuses its port: it will get through after a reset. Else two machines with one address.",
  ),
  TCP_CLOSE: reason(
    "ordinary",
    "Socket is closed",
    "A segment that came after the connection had ended here.",
    NOTHING_TO_DO,
  ),
  TCP_FASTOPEN: reason(
    "loss",
    "TCP Fast Open refused",
    "The data in a SYN could not be taken: the Fast Open cookie is missing or wrong, or the queue is full. The client repeats it after the handshake.",
    "Harmless but for the time lost; check net.ipv4.tcp_fastopen on both ends if Fast Open is meant to work.",
  ),
  TCP_OLD_ACK: reason(
    "ordinary",
    "Old acknowledgement",
    "An acknowledgement of something that had been acknowledged already.",
    NOTHING_TO_DO,
  ),
  TCP_TOO_OLD_ACK: reason(
    "loss",
    "Acknowledgement far too old",
    "The acknowledgement lies further back than the connection's largest window: perhaps injected.",
    OUT_OF_WINDOW,
  ),
  TCP_ACK_UNSENT_DATA: reason(
    "loss",
    "Acknowledges data never sent",
    "The acknowledgement is for data that this end has not sent yet.",
    OUT_OF_WINDOW,
  ),
  TCP_OFO_QUEUE_PRUNE: reason(
    "loss",
    "Out-of-order queue pruned",
    "Memory ran short, so data that had arrived out of order was thrown away; the sender will repeat it.",
    "Look for loss or reordering on the way (retransmits), and at net.ipv4.tcp_mem and tcp_rmem.",
  ),
  TCP_OFO_DROP: reason(
    "loss",
    "No room for out-of-order data",
    "Data arrived out of order and the receive buffer had no room for it; the sender will repeat it.",
    "Look for loss or reordering on the way (retransmits), and at the receive buffer (net.ipv4.tcp_rmem).",
  ),
  TCP_MINTTL: reason(
    "loss",
    "TTL below the socket's minimum",
    "The socket only takes packets from near by (IP_MINTTL, as BGP uses it), and this one came from further away.",
    "Check whether the peer really is as close as the application's setting says.",
  ),
};
