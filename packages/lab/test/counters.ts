/** What the kernel itself counted in a lab's namespace: interfaces, protocols. Used by tests only. */
import type { Lab } from "../src/lab.ts";

type At = { netns: string };

async function output(lab: Lab, at: At, argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await lab.execInNetns(at, argv);
  if (code !== 0) throw new Error(`${argv.join(" ")} in ${at.netns}: ${stderr}`);
  return stdout;
}

/** Received plus sent packets of a device, as its driver counts them. */
export async function devicePackets(lab: Lab, at: At, device = "eth0"): Promise<number> {
  const [link] = JSON.parse(await output(lab, at, ["ip", "-s", "-j", "link", "show", "dev", device]));
  return link.stats64.rx.packets + link.stats64.tx.packets;
}

/** The counters of /proc/net/snmp and snmp6 as one record: `Tcp.OutRsts`, `Udp6InDatagrams`. */
export async function protocolCounters(lab: Lab, at: At): Promise<Record<string, number>> {
  const counters: Record<string, number> = {};
  const tables = await output(lab, at, ["cat", "/proc/net/snmp", "/proc/net/netstat"]);
  const rows = tables.split("\n").filter((line) => line.includes(": "));
  for (let at = 0; at + 1 < rows.length; at += 2) {
    const [protocol = "", names = ""] = (rows[at] ?? "").split(": ");
    const values = (rows[at + 1] ?? "").split(": ")[1]?.split(" ") ?? [];
    names.split(" ").forEach((name, index) => {
      counters[`${protocol}.${name}`] = Number(values[index]);
    });
  }
  for (const line of (await output(lab, at, ["cat", "/proc/net/snmp6"])).split("\n")) {
    const [name, value] = line.split(/\s+/);
    if (name) counters[name] = Number(value);
  }
  return counters;
}

/** Polls until `read` gives more than `floor`; throws with both numbers when it doesn't in time. */
export async function rises(what: string, floor: number, read: () => Promise<number>): Promise<void> {
  const end = performance.now() + 15_000;
  let last = await read();
  while (last <= floor) {
    if (performance.now() > end) throw new Error(`${what}: ${last}, never above ${floor}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    last = await read();
  }
}
