/**
 * IPVS before a service, as kube-proxy sets it up: destination NAT with connection tracking, the virtual address on the
 * host. Undefined where Debian's ipvsadm isn't installed.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { routedPods, SERVER, VIRTUAL } from "./peers.ts";
import type { Variant } from "./variant.ts";

const FIRST_PORT = 5201;
const PORTS = 4;

/** The pods' own, and so many more, at other addresses, that nobody asks for. */
export function ipvs(services: number): Variant | undefined {
  if (!existsSync("/usr/sbin/ipvsadm")) return undefined;
  const what = `same host: IPVS, ${services} ${services === 1 ? "service" : "services"}`;
  const { host, variant } = routedPods(`ipvs-${services}`, what);
  host.sh("sysctl -qw net.ipv4.vs.conntrack=1");
  host.sh(`ip addr add ${VIRTUAL}/32 dev lo`);
  const own = Array.from({ length: PORTS }, (_, i) => rules(VIRTUAL, FIRST_PORT + i));
  const others = Array.from({ length: services - 1 }, (_, i) => rules(`10.97.${i >> 8}.${i & 255}`, 80));
  execFileSync("nsenter", [`--net=${host.path}`, "ipvsadm", "-R"], {
    input: [...own, ...others].flat().join("\n"),
  });
  return { ...variant, virtual: VIRTUAL };
}

const rules = (address: string, port: number): string[] => [
  `-A -t ${address}:${port} -s rr`,
  `-a -t ${address}:${port} -r ${SERVER}:${port} -m`,
];
