/*
 * Reasons of devices, queues, neighbours, bridges and tunnels, and of the programs that hook in there.
 */
import { type DropReasonTable, NOTHING_TO_DO, reason } from "./reason.ts";

const QUEUE =
  "Look at the queue with `tc -s qdisc show dev <device>`: more is sent than its rate lets out. Lower the load, raise the rate, or use a queue that drops fairly (fq_codel).";
const NEIGHBOUR =
  "Check with `ip neigh` that the next hop answers: is it up, in this subnet, and on the right segment?";
const TUNNEL = "Compare the tunnel's settings on both ends (`ip -d link`).";
const FRAME = "Look for the sender by its hardware address.";

export const LINK_REASONS: DropReasonTable = {
  NEIGH_CREATEFAIL: reason(
    "loss",
    "Neighbour table full",
    "No entry could be made for the next hop.",
    "Look at net.ipv4.neigh.default.gc_thresh3 (ipv6 likewise) and at `ip neigh | wc -l`.",
  ),
  NEIGH_FAILED: reason(
    "loss",
    "Next hop doesn't answer",
    "Nobody answered the question for the next hop's hardware address (ARP, neighbour discovery).",
    NEIGHBOUR,
  ),
  NEIGH_QUEUEFULL: reason(
    "loss",
    "Too many packets wait for the next hop",
    "While the next hop's hardware address is being asked for, only a few packets may wait.",
    NEIGHBOUR,
  ),
  NEIGH_DEAD: reason(
    "loss",
    "Next hop was removed",
    "The next hop's entry was deleted while the packet waited for it.",
    NEIGHBOUR,
  ),
  NEIGH_HH_FILLFAIL: reason(
    "loss",
    "Link header could not be built",
    "The device could not build the link header for the next hop.",
    "Look at the device's type and state (`ip -d link`).",
  ),
  TC_EGRESS: reason(
    "loss",
    "A traffic-control program refused it (egress)",
    "A filter or BPF program on the device's egress (tc, tcx) dropped the packet: a network plugin's policy, or a filter by hand.",
    "List them with `tc filter show dev <device> egress` and `bpftool net`. Millrace's own programs there never drop.",
  ),
  TC_INGRESS: reason(
    "loss",
    "A traffic-control program refused it (ingress)",
    "A filter or BPF program on the device's ingress (tc, tcx) dropped the packet: a network plugin's policy, or a filter by hand.",
    "List them with `tc filter show dev <device> ingress` and `bpftool net`. Millrace's own programs there never drop.",
  ),
  TC_ERROR: reason(
    "loss",
    "Traffic control failed",
    "Classifying the packet failed inside traffic control.",
    "Look at the device's filters (`tc -s filter show dev <device>`).",
  ),
  TC_COOKIE_ERROR: reason(
    "loss",
    "Traffic control lost its place",
    "Going on in a chain after hardware did the first part failed.",
    "Look at the device's filters (`tc -s filter show dev <device>`).",
  ),
  TC_CHAIN_NOTFOUND: reason(
    "loss",
    "Traffic-control chain missing",
    "A filter sends packets on to a chain that doesn't exist.",
    "Look at `tc filter show dev <device>` for 'goto chain'.",
  ),
  TC_RECLASSIFY_LOOP: reason(
    "loss",
    "Traffic-control loop",
    "Filters send the packet in a circle.",
    "Look at `tc filter show dev <device>` for 'reclassify'.",
  ),
  XDP: reason(
    "loss",
    "An XDP program refused it",
    "A BPF program in the device's driver dropped the packet: denial-of-service protection or a load balancer.",
    "`ip link show <device>` names the program, `bpftool prog show id <n>` says whose it is.",
  ),
  QDISC_DROP: reason(
    "loss",
    "Queue dropped it",
    "The device's queueing discipline dropped the packet: its queue is full or its rate is used up.",
    QUEUE,
  ),
  QDISC_OVERLIMIT: reason(
    "loss",
    "Queue is full",
    "The queueing discipline's limit of waiting packets or bytes is reached.",
    QUEUE,
  ),
  QDISC_CONGESTED: reason(
    "loss",
    "Queue signals congestion",
    "The queueing discipline (CoDel, RED and the like) dropped the packet early to make its sender slow down.",
    QUEUE,
  ),
  CAKE_FLOOD: reason(
    "loss",
    "Flow held back by CAKE",
    "The flow doesn't react to congestion, and CAKE drops more of it.",
    QUEUE,
  ),
  FQ_BAND_LIMIT: reason(
    "loss",
    "Priority band is full",
    "fq's limit for this priority band is reached.",
    QUEUE,
  ),
  FQ_HORIZON_LIMIT: reason(
    "loss",
    "Departure time too far ahead",
    "The packet is stamped to leave later than fq's horizon allows.",
    "Look at who sets departure times: SO_TXTIME in the application, or a BPF bandwidth manager.",
  ),
  FQ_FLOW_LIMIT: reason(
    "loss",
    "One flow queues too much",
    "A single flow has reached fq's limit of waiting packets.",
    "Look at the flow: it sends faster than its pacing lets out; raise fq's flow_limit if that is meant.",
  ),
  DUALPI2_STEP_DROP: reason(
    "loss",
    "Queue delay above the step",
    "DualPI2's low-latency queue delayed the packet too long, and its sender can't be told by a mark.",
    QUEUE,
  ),
  CPU_BACKLOG: reason(
    "loss",
    "CPU too busy to receive",
    "A CPU's backlog of received packets is full (net.core.netdev_max_backlog): packets arrive faster than it works.",
    "Look at softirq load per CPU (`mpstat -P ALL`) and spread it (RPS, more queues).",
  ),
  UNHANDLED_PROTO: reason(
    "loss",
    "Nobody takes this kind of frame",
    "No protocol is registered for the frame's EtherType, or its VLAN isn't configured here.",
    "Check the EtherType: a VLAN without its device and LLDP without a daemon are typical and mostly harmless.",
  ),
  SKB_CSUM: reason(
    "loss",
    "Checksum could not be computed",
    "Finishing the packet's checksum in software failed.",
    "Look at the device's offload settings (`ethtool -k <device>`).",
  ),
  SKB_GSO_SEG: reason(
    "loss",
    "Segmentation failed",
    "A large packet that should be cut up before sending could not be.",
    "Look at the device's offload settings (`ethtool -k <device>`) and at tunnels in its way.",
  ),
  DEV_HDR: reason(
    "loss",
    "Device header missing",
    "The device's own header isn't there or can't be added.",
    "Look at the program that feeds the device (tun, virtio).",
  ),
  DEV_READY: reason(
    "loss",
    "Device is not ready",
    "The device is down or being set up.",
    "`ip link show <device>`: is it up, and is its peer?",
  ),
  FULL_RING: reason(
    "loss",
    "Device ring is full",
    "The ring between the kernel and the device or its reader (tun, virtio, veth with XDP) is full.",
    "The reader is too slow: look at its CPU; a longer ring absorbs bursts (`ethtool -g`).",
  ),
  HDR_TRUNC: reason(
    "loss",
    "Headers could not be read",
    "The packet's headers are not where they should be, or are incomplete.",
    "Look at the program that feeds the device (tun, virtio) for packets without headers.",
  ),
  TAP_FILTER: reason(
    "loss",
    "Tap filter refused it",
    "A BPF filter attached to the tun or tap device dropped the packet.",
    "Look at the program that owns the device: it set the filter (TUNATTACHFILTER).",
  ),
  TAP_TXFILTER: reason(
    "loss",
    "Tap address filter refused it",
    "The tap device's hardware-address filter dropped the frame.",
    "Look at the program that owns the device: it set the filter (TUNSETTXFILTER).",
  ),
  NO_TX_TARGET: reason(
    "loss",
    "No port to send by",
    "A bridge, bond or similar device found none of its ports fit to send the packet.",
    "Look at the ports' state (`bridge link`, `cat /proc/net/bonding/*`).",
  ),
  RECURSION_LIMIT: reason(
    "loss",
    "Devices stacked in a circle",
    "The packet went through more stacked devices than allowed: probably tunnels that route into themselves.",
    "Check that the route to a tunnel's far end doesn't go through the tunnel.",
  ),
  VXLAN_INVALID_HDR: reason(
    "loss",
    "VXLAN header invalid",
    "The VXLAN header has flags that this end doesn't support.",
    TUNNEL,
  ),
  VXLAN_VNI_NOT_FOUND: reason(
    "loss",
    "VXLAN network unknown",
    "The packet is for a VXLAN network id that isn't configured here.",
    TUNNEL,
  ),
  VXLAN_ENTRY_EXISTS: reason(
    "loss",
    "VXLAN forwarding entry is fixed",
    "The frame's source address is known at another place by a fixed entry.",
    "Compare `bridge fdb show dev <vxlan>` with where the sender really is.",
  ),
  TUNNEL_TXINFO: reason(
    "loss",
    "Tunnel doesn't know where to",
    "A packet came to a tunnel device in external mode without saying to which far end it should go.",
    "Look at who sets the tunnel's keys: routes with `encap`, a BPF program, or Open vSwitch.",
  ),
  MAC_INVALID_SOURCE: reason(
    "loss",
    "Impossible hardware source address",
    "The frame's source hardware address is zero or a group's.",
    FRAME,
  ),
  LOCAL_MAC: reason(
    "loss",
    "Source is our own hardware address",
    "A frame came in with this device's own hardware address as its source.",
    "Look for a loop in the network, or for a copied virtual machine.",
  ),
  ARP_PVLAN_DISABLE: reason(
    "ordinary",
    "Not answered for a neighbour",
    "Proxy ARP for private VLANs is off, so a question for a neighbour's address stays unanswered.",
    NOTHING_TO_DO,
  ),
  MAC_IEEE_MAC_CONTROL: reason(
    "ordinary",
    "Link-control frame",
    "A frame for the link itself (pause and the like) that is never forwarded.",
    NOTHING_TO_DO,
  ),
  BRIDGE_INGRESS_STP_STATE: reason(
    "loss",
    "Bridge port is blocked",
    "The bridge port isn't forwarding: spanning tree blocks it or is still learning.",
    "`bridge link` shows the state; after a change it takes up to 30 s with classic spanning tree.",
  ),
  CAN_RX_INVALID_FRAME: reason(
    "loss",
    "Invalid CAN frame",
    "A frame on a CAN interface that isn't one.",
    FRAME,
  ),
  CANFD_RX_INVALID_FRAME: reason(
    "loss",
    "Invalid CAN FD frame",
    "A frame on a CAN FD interface that isn't one.",
    FRAME,
  ),
  CANXL_RX_INVALID_FRAME: reason(
    "loss",
    "Invalid CAN XL frame",
    "A frame on a CAN XL interface that isn't one.",
    FRAME,
  ),
};
