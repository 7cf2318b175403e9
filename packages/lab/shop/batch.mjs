// The job that speaks no TCP to speak of: names asked of the dns pod over UDP, pings over ICMP and ICMPv6,
// and a look at the ledger's health.
import { execFile } from "node:child_process";
import { lookup, Resolver } from "node:dns/promises";
import { promisify } from "node:util";
import { call, expectOk } from "./http.mjs";
import { pace } from "./pace.mjs";
import { count } from "./report.mjs";
import { settings } from "./settings.mjs";

const runFile = promisify(execFile);
const NAMES = ["web.shop", "checkout.shop", "payments.shop", "cart.shop", "redis.shop"];
const PINGED = ["dns", "web", "redis"];

async function resolverOf(family) {
  const { address } = await lookup("dns", { family });
  const resolver = new Resolver({ timeout: 1_000, tries: 2 });
  resolver.setServers([family === 6 ? `[${address}]:53` : `${address}:53`]);
  return resolver;
}

async function ping(number) {
  // By address: ping asks getaddrinfo in a way that finds no IPv6 address in /etc/hosts (glibc 2.36).
  const { address } = await lookup(PINGED[number % PINGED.length], { family: number % 2 === 0 ? 4 : 6 });
  await runFile("ping", ["-n", "-q", "-c", "2", "-i", "0.2", "-W", "1", address]);
  count("pings", 2);
  await expectOk("ledger", call("GET", "checkout", 8090, "/healthz", { fresh: true }));
}

export async function batch() {
  const resolvers = [await resolverOf(4), await resolverOf(6)];
  const ask = async (number) => {
    const resolver = resolvers[number % 2];
    const name = NAMES[number % NAMES.length];
    if (number % 3 === 0) await resolver.resolve6(name);
    else await resolver.resolve4(name);
  };
  pace(() => settings().ratePerSecond / 2, ask, 64);
  pace(() => Math.min(1, settings().ratePerSecond), ping, 1);
}
