/*
 * Reasons that have to do with the receiving or sending socket, whatever the protocol. TCP's own are in tcp.ts.
 */
import { type DropReasonTable, NOTHING_TO_DO, reason } from "./reason.ts";

export const SOCKET_REASONS: DropReasonTable = {
  SKB_NOT_DROPPED_YET: reason(
    "ordinary",
    "Not dropped",
    "The kernel freed the packet without calling it a drop.",
    NOTHING_TO_DO,
  ),
  SKB_CONSUMED: reason(
    "ordinary",
    "Delivered",
    "The packet was used up and freed; it only passed the same place as drops do.",
    NOTHING_TO_DO,
  ),
  NOT_SPECIFIED: reason(
    "loss",
    "Dropped, no reason given",
    "The code that dropped the packet gives no reason. The place where it happened says more.",
    "Look up the place; start a drops trace to see the kernel's stack.",
  ),
  NO_SOCKET: reason(
    "loss",
    "Nobody listens on that port",
    "The packet reached its address, but no socket is open for its port. TCP answers with a reset, UDP with 'port unreachable'.",
    "Check that the service runs, that it listens on this port and address (not only on 127.0.0.1), and that the client uses the right port.",
  ),
  SOCKET_CLOSE: reason(
    "ordinary",
    "Socket was closed",
    "What still waited in a socket's queue was freed when the socket was closed.",
    NOTHING_TO_DO,
  ),
  SOCKET_FILTER: reason(
    "loss",
    "A socket's filter refused it",
    "A BPF filter that is attached to the socket or to its cgroup (ingress) rejected the packet.",
    "Find who attaches filters: SO_ATTACH_FILTER in the application, or cgroup programs (`bpftool cgroup tree`).",
  ),
  SOCKET_RCVBUFF: reason(
    "loss",
    "Receive buffer full",
    "The application doesn't read its socket fast enough, so its receive buffer is full.",
    "Look at the receiver's CPU and at what keeps it from reading; a bigger SO_RCVBUF or net.core.rmem_max only absorbs bursts.",
  ),
  UNIX_DISCONNECT: reason(
    "ordinary",
    "Unix socket disconnected",
    "What waited in a Unix socket was freed when it was disconnected.",
    NOTHING_TO_DO,
  ),
  UNIX_SKIP_OOB: reason(
    "ordinary",
    "Out-of-band byte skipped",
    "An out-of-band byte of a Unix socket was passed over by a normal read.",
    NOTHING_TO_DO,
  ),
  SOCKET_BACKLOG: reason(
    "loss",
    "Socket backlog full",
    "Packets came in while the application held its socket, faster than the socket's backlog takes them.",
    "The receiver is overloaded: look at its CPU, and spread the load over more sockets or threads.",
  ),
  PROTO_MEM: reason(
    "loss",
    "Protocol memory used up",
    "All sockets of this protocol together have reached the kernel's memory limit (net.ipv4.tcp_mem, udp_mem).",
    "Find the sockets with long queues (`ss -m`); raise the limit only if their queues are justified.",
  ),
  UDP_CSUM: reason(
    "loss",
    "UDP checksum wrong",
    "The datagram was damaged on the way, or was sent before its checksum was filled in (checksum offload across a path that doesn't do it).",
    "Compare with and without `ethtool -K <device> tx off` at the sender; else look for faulty hardware on the way.",
  ),
  XFRM_POLICY: reason(
    "loss",
    "IPsec policy",
    "An IPsec policy demands protection that this packet doesn't have, or forbids it.",
    "Compare `ip xfrm policy` and `ip xfrm state` on both ends.",
  ),
  SECURITY_HOOK: reason(
    "loss",
    "A security module refused it",
    "SELinux, AppArmor, Smack or a BPF security program doesn't allow this packet.",
    "Look in the audit log (`ausearch -m avc`, `journalctl -k`) at this time.",
  ),
  BPF_CGROUP_EGRESS: reason(
    "loss",
    "A cgroup program refused it",
    "A BPF program that is attached to the sender's cgroup (egress) rejected the packet: systemd's IPAddressDeny, or a network plugin's policy.",
    "List the programs with `bpftool cgroup tree`; check the unit's IP settings and the plugin's policies.",
  ),
  PFMEMALLOC: reason(
    "loss",
    "Kernel out of memory",
    "The packet was held in the emergency memory that is kept for swapping, which its socket may not use: the machine is out of memory.",
    "Look at memory pressure (`/proc/pressure/memory`) and at what uses the memory.",
  ),
  NOMEM: reason(
    "loss",
    "Out of memory",
    "The kernel could not get memory to go on with the packet.",
    "Look at memory pressure (`/proc/pressure/memory`) and the kernel's log.",
  ),
  SKB_UCOPY_FAULT: reason(
    "loss",
    "Copy from the application failed",
    "The sending program's buffer could not be read, for instance by a user-space network device (tun, vhost).",
    "Look at the program that feeds the device: it handed over an invalid buffer.",
  ),
  QUEUE_PURGE: reason(
    "ordinary",
    "Queue emptied",
    "A whole queue was freed because its device or socket went away.",
    NOTHING_TO_DO,
  ),
  PACKET_SOCK_ERROR: reason(
    "ordinary",
    "Packet capture missed a copy",
    "A packet capture (tcpdump or similar) could not take its copy. The packet itself went on.",
    "Only the capture is incomplete: give it a bigger buffer or a narrower filter.",
  ),
  PSP_INPUT: reason(
    "loss",
    "PSP: input refused",
    "PSP encryption is configured for the connection, and this packet came in without it or with the wrong key.",
    "Compare the PSP association of both ends; look for a key rotation at this time.",
  ),
  PSP_OUTPUT: reason(
    "loss",
    "PSP: output failed",
    "PSP encryption is configured for the connection, and the device could not apply it.",
    "Check that the route still goes out by a device that has PSP.",
  ),
};
