import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { links, netnsCookie } from "@millrace/native/native";
import { describeDataplane } from "../testing/dataplane-suite.ts";
import { TestLink } from "../testing/link.ts";
import { LibbpfDataplane } from "./libbpf-dataplane.ts";

const BPF = fileURLToPath(new URL("../../../../packages/bpf/build", import.meta.url));
let made = 0;

describeDataplane("the dataplane of this kernel", async (run) => {
  const pair = new TestLink("dp");
  const pinDirectory = `/sys/fs/bpf/dataplane-test-${process.pid}-${made++}`;
  try {
    const ifindex = links(pair.podNetns).find(({ name }) => name === "eth0")?.ifindex as number;
    await run({
      open: () => new LibbpfDataplane({ bpfDirectory: BPF, pinDirectory, flowCapacity: 64 }),
      point: { cookie: netnsCookie(pair.podNetns), ifindex, netns: pair.podNetns, endpointId: 7 },
      exchange: (packets) => pair.ping(packets),
    });
  } finally {
    fs.rmSync(pinDirectory, { recursive: true, force: true });
    pair.remove();
  }
});
