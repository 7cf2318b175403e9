/** `millrace status`: is the fleet well, and if not, why. Exit code 1 with reasons when it isn't. */
import type { HostSummary } from "@millrace/contract/host";
import { bytesPerSecond, count, percent, perSecond, text } from "@millrace/contract/units";
import { Command, Option } from "commander";
import { stringify } from "yaml";
import { connect } from "./client.ts";
import { EXIT } from "./failure.ts";
import { plain } from "./terminal.ts";

const MARK: Record<HostSummary["state"], string> = { ok: "ok  ", warn: "WARN", bad: "BAD ", unknown: "?   " };

export function statusCommand(): Command {
  return new Command("status")
    .description("hosts, their agents and what is wrong with them")
    .addOption(
      new Option("-o, --output <format>", "output").choices(["table", "json", "yaml"]).default("table"),
    )
    .action(async (options: { output: string }, self: Command) => {
      const client = connect(self);
      const { hosts } = await client.hosts.list.query();
      const reasons = reasonsOf(hosts);
      if (options.output === "json") process.stdout.write(`${JSON.stringify({ hosts, reasons })}\n`);
      else if (options.output === "yaml") process.stdout.write(stringify({ hosts, reasons }));
      else process.stdout.write(table(hosts, reasons));
      if (reasons.length > 0) process.exitCode = EXIT.unwell;
    });
}

export function reasonsOf(hosts: readonly HostSummary[]): string[] {
  if (hosts.length === 0) return ["no host has enrolled"];
  return hosts
    .filter((h) => h.state !== "ok")
    .flatMap((h) => h.reasons.map((reason) => `${h.name}: ${reason}`));
}

const holderLine = (host: string, { name, flows, budget }: NonNullable<HostSummary["topHolder"]>): string =>
  `  ${host}: most flows has ${name}, ${text(count(flows))} of the ${text(count(budget))} that one may`;

export function table(hosts: readonly HostSummary[], reasons: readonly string[]): string {
  const width = Math.max(4, ...hosts.map((h) => h.name.length));
  const lines = hosts.map((h) =>
    [
      MARK[h.state],
      h.name.padEnd(width),
      `${h.pods} pods`.padEnd(9),
      text(perSecond(h.flowsPerSecond)).padEnd(9),
      text(bytesPerSecond(h.bytesPerSecond)).padEnd(10),
      `drops ${text(perSecond(h.dropsPerSecond))}`.padEnd(13),
      h.flowTableShare === null ? "" : `table ${text(percent(h.flowTableShare))}`,
      h.simulated ? "SIMULATED" : "",
    ]
      .join("  ")
      .trimEnd(),
  );
  const holders = hosts.flatMap(({ name, topHolder }) => (topHolder ? [holderLine(name, topHolder)] : []));
  return `${[...lines, ...holders, ...reasons.map((r) => `! ${r}`)].map(plain).join("\n")}\n`;
}
