/** Waits for the books to balance. Fails with the last balance seen, so that the class that is off can be read. */
import { until } from "./child.ts";
import { accounted, type Balance, balances, same } from "./ledger.ts";
import type { Stack } from "./stack.ts";

/** Waits until the database has all that the interface has counted, then gives the balances. */
export async function settled(stack: Stack, pod: string): Promise<Balance[]> {
  const { ip4 } = stack.lab.pod(pod);
  let last: Balance[] = [];
  await until(
    `the books of ${pod} balance`,
    async () => {
      const before = await deviceCounters(stack, pod);
      last = await balances(stack, ip4);
      const after = await deviceCounters(stack, pod);
      return before === after && last.every((b) => same(b.device, b.total) && same(accounted(b), b.total));
    },
    { deadlineMs: 30_000, everyMs: 500, explain: () => show(last) },
  );
  return last;
}

async function deviceCounters(stack: Stack, pod: string): Promise<string> {
  const { stdout } = await stack.lab.execInNetns(stack.lab.pod(pod), [
    "ip",
    "-s",
    "-s",
    "link",
    "show",
    "eth0",
  ]);
  return stdout;
}

const show = (all: Balance[]): string =>
  JSON.stringify(all, (_, value) => (typeof value === "bigint" ? value.toString() : value), 1);
