// Makes netkit pairs on the kernel this runs on and prints what came of them, as one line of JSON: for a kernel that has
// netkit where the tests' own has not.
import { spawnSync } from "node:child_process";
import {
  addAddress,
  type BpfError,
  createNetkitPair,
  deleteLink,
  links,
  type NetkitPair,
  setLink,
} from "../lib/native.ts";
import { type Namespace, Testbed } from "./testbed.ts";

const bed = new Testbed("netkit");

function wanted(host: Namespace, pod: Namespace, policies: Partial<NetkitPair>): NetkitPair {
  const peer = { netns: pod.path, name: "eth0", mtu: 1400 };
  return { netns: host.path, name: "mr0", mtu: 1450, txQueues: 2, peer, ...policies };
}

const facts = (ns: Namespace) =>
  links(ns.path)
    .filter((link) => !link.loopback)
    .map(({ name, kind, mtu, ifindex, peerIfindex }) => ({ name, kind, mtu, ifindex, peerIfindex }));

function codeOf(attempt: () => unknown): string {
  try {
    attempt();
    return "made";
  } catch (error) {
    return (error as BpfError).code;
  }
}

/** Whether a ping from one end to the other comes back. */
function passes(policies: Partial<NetkitPair>): boolean {
  const [host, pod] = [bed.namespace(), bed.namespace()];
  const ends = createNetkitPair(wanted(host, pod, policies));
  for (const [{ path: netns }, ifindex, last] of [
    [host, ends.ifindex, 1] as const,
    [pod, ends.peerIfindex, 2] as const,
  ]) {
    setLink({ netns, ifindex, up: true });
    addAddress({ netns, ifindex, address: `10.1.0.${last}`, prefix: 24 });
  }
  return spawnSync("nsenter", [`--net=${host.path}`, "ping", "-qc1", "-W2", "10.1.0.2"]).status === 0;
}

try {
  const [host, pod] = [bed.namespace(), bed.namespace()];
  const ends = createNetkitPair(wanted(host, pod, {}));
  const made = { ends, host: facts(host), pod: facts(pod) };
  const again = codeOf(() => createNetkitPair(wanted(host, pod, {})));
  deleteLink({ netns: host.path, name: "mr0" });
  const left = [...facts(host), ...facts(pod)];
  const ping = {
    pass: passes({}),
    drop: passes({ policy: "drop" }),
    peerDrop: passes({ peerPolicy: "drop" }),
  };
  console.log(JSON.stringify({ ...made, again, left, ping }));
} finally {
  bed.close();
}
