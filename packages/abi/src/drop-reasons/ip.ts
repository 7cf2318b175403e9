/*
 * Reasons of IPv4, IPv6, ICMP and fragments, routing and firewalls included.
 */
import { type DropReasonTable, NOTHING_TO_DO, reason } from "./reason.ts";

const DAMAGED =
  "A few are damage on the way. Many from one sender: look at that sender's software, at tunnels in between, and at offload settings.";
const ND =
  "Harmless singly. Many: look for a faulty or hostile neighbour on this segment by the packet's source address.";

export const IP_REASONS: DropReasonTable = {
  PKT_TOO_SMALL: reason("loss", "Packet too short", "The packet is shorter than its headers say.", DAMAGED),
  NETFILTER_DROP: reason(
    "loss",
    "Firewall rule",
    "An nftables or iptables rule dropped the packet: the host's firewall, or a policy that a network plugin turned into rules.",
    "Find the rule: `nft list ruleset` or `iptables-save -c` in this namespace and look whose counter rises; `nft monitor trace` shows the way through the rules.",
  ),
  OTHERHOST: reason(
    "ordinary",
    "For another machine",
    "The frame is for another machine's hardware address; it was only seen because the interface listens to all.",
    NOTHING_TO_DO,
  ),
  IP_CSUM: reason(
    "loss",
    "IP checksum wrong",
    "The IPv4 header was damaged, or was sent before its checksum was filled in.",
    DAMAGED,
  ),
  IP_INHDR: reason(
    "loss",
    "IP header invalid",
    "Something in the IP header contradicts itself: version, length, options, or a hop limit that is used up.",
    DAMAGED,
  ),
  IP_RPFILTER: reason(
    "loss",
    "Reverse-path filter",
    "The way back to the packet's source goes by another interface than the one it came in on, and rp_filter forbids that.",
    "Check the routes for the source address; with asymmetric routing set net.ipv4.conf.<device>.rp_filter to 2 (loose) or 0.",
  ),
  UNICAST_IN_L2_MULTICAST: reason(
    "loss",
    "Unicast in a broadcast frame",
    "An IP packet for one address came in a frame for all or many.",
    "Look for the sender by its hardware address: a misconfigured load balancer or cluster address is typical.",
  ),
  IP_NOPROTO: reason(
    "loss",
    "Protocol not supported",
    "Nobody here takes this IP protocol (neither TCP, UDP, ICMP nor a tunnel that is set up).",
    "Check the protocol number: a tunnel that is missing on this machine is typical.",
  ),
  IP_OUTNOROUTES: reason(
    "loss",
    "No route out",
    "There is no route to the destination.",
    "`ip route get <destination>` in the sender's namespace; look for a missing default route.",
  ),
  IP_INNOROUTES: reason(
    "loss",
    "No route for a received packet",
    "The packet came in, and there is no route for it: neither is it for this machine nor does it know where to forward it.",
    "`ip route get <destination> from <source> iif <device>`; check forwarding and routes.",
  ),
  IP_INADDRERRORS: reason(
    "loss",
    "Address not accepted",
    "The destination isn't an address of this machine and it doesn't forward, or the address is invalid.",
    "Check net.ipv4.ip_forward (or ipv6 forwarding) and that the address is configured on the right interface.",
  ),
  IP_LOCAL_SOURCE: reason(
    "loss",
    "Source is our own address",
    "A packet from outside claims to come from an address of this very machine.",
    "Look for two machines with one address, or a loop in the network.",
  ),
  IP_INVALID_SOURCE: reason(
    "loss",
    "Invalid source address",
    "The source is a multicast, broadcast or otherwise impossible address.",
    DAMAGED,
  ),
  IP_LOCALNET: reason(
    "loss",
    "127.0.0.0/8 from outside",
    "A packet from or to a loopback address came over a real interface.",
    "Look at NAT rules to 127.0.0.1: they need net.ipv4.conf.<device>.route_localnet.",
  ),
  IP_INVALID_DEST: reason(
    "loss",
    "Invalid destination address",
    "The destination is an impossible address, for instance 0.0.0.0.",
    DAMAGED,
  ),
  IP_TUNNEL_ECN: reason(
    "loss",
    "Congestion marks contradict",
    "A tunnel's outer header is marked 'congestion', and the inner packet says that its sender can't handle the mark.",
    "Nothing for a few: the mark is delivered as a loss. Many: there is congestion on the tunnel's path.",
  ),
  IPV6DISABLED: reason(
    "loss",
    "IPv6 is switched off",
    "An IPv6 packet on an interface where IPv6 is disabled.",
    "Enable it (net.ipv6.conf.<device>.disable_ipv6=0), or let the name resolve to IPv4 only.",
  ),
  IPV6_BAD_EXTHDR: reason(
    "loss",
    "IPv6 extension header invalid",
    "An extension header can't be parsed or isn't allowed.",
    DAMAGED,
  ),
  IPV6_NDISC_FRAG: reason(
    "loss",
    "Neighbour discovery in fragments",
    "Neighbour discovery messages may not be fragmented, and these were.",
    ND,
  ),
  IPV6_NDISC_HOP_LIMIT: reason(
    "loss",
    "Neighbour discovery from afar",
    "The hop limit isn't 255, so the message isn't from this segment.",
    ND,
  ),
  IPV6_NDISC_BAD_CODE: reason("loss", "Neighbour discovery malformed", "The message's code isn't 0.", ND),
  IPV6_NDISC_BAD_OPTIONS: reason(
    "loss",
    "Neighbour discovery options invalid",
    "The message's options can't be parsed.",
    ND,
  ),
  IPV6_NDISC_NS_OTHERHOST: reason(
    "ordinary",
    "Asked for somebody else",
    "A neighbour solicitation for an address that isn't ours.",
    NOTHING_TO_DO,
  ),
  ICMP_CSUM: reason("loss", "ICMP checksum wrong", "The ICMP message was damaged on the way.", DAMAGED),
  INVALID_PROTO: reason(
    "loss",
    "Protocol header invalid",
    "A header inside the packet doesn't match what the outer one announced.",
    DAMAGED,
  ),
  PKT_TOO_BIG: reason(
    "loss",
    "Larger than the MTU",
    "The packet is larger than the next link allows and may not be fragmented. The sender is told by ICMP, if ICMP gets through.",
    "Compare the MTUs along the way (tunnels need 50 bytes or more); don't filter ICMP 'fragmentation needed' and 'packet too big'.",
  ),
  DUP_FRAG: reason(
    "ordinary",
    "Fragment received twice",
    "A fragment that was there already.",
    NOTHING_TO_DO,
  ),
  FRAG_REASM_TIMEOUT: reason(
    "loss",
    "Fragments missing",
    "Not all fragments of a datagram came in time.",
    "One lost fragment loses the datagram: look for loss on the way, or for a firewall that drops later fragments; better send smaller datagrams.",
  ),
  FRAG_TOO_FAR: reason(
    "loss",
    "Fragments too far apart",
    "Fragments of one source come so much out of order that the kernel gives up on the older ones (net.ipv4.ipfrag_max_dist).",
    "Look for several paths with different delays, or for very much fragmented traffic.",
  ),
};
