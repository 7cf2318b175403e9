/**
 * Instructions an exchange and a connection cost on each way between two pods, counted in the lab VM: Debian's 6.12 under
 * QEMU's instruction counter, where Open vSwitch's kernel datapath, IPVS and netkit are, and where no load of this machine
 * is seen. `node --import tsx bench/instructions.ts [exchanges]`; the result is written to bench/results/instructions.json.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { at } from "../tools/paths.mjs";
import { bundle } from "../tools/up/bundle.mjs";
import { fetchKernel } from "../tools/vm/kernel.mjs";
import { runOn } from "../tools/vm/machine.mjs";
import { type Answer, findingsOf, LIMIT, methodOf, readAnswer } from "./instructions/counts.ts";
import { writeResult } from "./result.ts";

const SERIES = "6.12";
const MODULES = [
  ...["veth", "dummy", "bridge", "vxlan", "sch_ingress", "cls_bpf"],
  ...[
    "crc32c_generic",
    "nf_tables",
    "nft_ct",
    "nft_compat",
    "nft_chain_nat",
    "xt_nat",
    "xt_MASQUERADE",
    "nf_conntrack_netlink",
  ],
  ...["openvswitch", "vport_vxlan", "ip_vs", "ip_vs_rr"],
];
/** What a second boot counts again. */
const AGAIN = [LIMIT, "ovs-kernel", "same", "overlay"];

async function countInVm(script: string, exchanges: number, names: readonly string[]): Promise<Answer> {
  const mounts = "mount -t tmpfs run /run && mount -t cgroup2 cgroup2 /sys/fs/cgroup";
  const command = `${mounts} && ${process.execPath} ${script} ${exchanges} ${names.join(" ")} 2>&1`;
  const { code, output } = await runOn(await fetchKernel(SERIES), command, {
    ...{ seconds: 1200, modules: MODULES, counts: true },
  });
  if (code !== 0) throw new Error(`the virtual machine's part ended with ${code}:\n${output.slice(-5000)}`);
  return readAnswer(output);
}

const exchanges = Number(process.argv[2] ?? 1000);
execFileSync("make", ["-s", "-C", at("bench/traffic"), "build/instructions"], {
  stdio: "inherit",
});
mkdirSync(at(".data/vm"), { recursive: true });
const script = at(".data/vm/instructions.js");
await bundle({ entry: at("bench/instructions/inside.ts"), outfile: script });
const answer = await countInVm(script, exchanges, []);
const again = await countInVm(script, exchanges, AGAIN);
writeResult("instructions", {
  question: "instructions an exchange between two pods, kernel included: Millrace, its limits and its peers",
  method: methodOf(answer, exchanges),
  findings: findingsOf(answer, again),
  figures: { answer, again },
});
