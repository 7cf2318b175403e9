/** What became of connects to virtual addresses and node ports, as the agent's counters name it. */
import { ServiceCount } from "@millrace/abi/generated/service";

type CountName = keyof typeof ServiceCount;
const COUNTED: Record<CountName, string> = {
  TRANSLATED: "translated",
  EMPTY: "refusedEmpty",
  UNKNOWN: "unknown",
  ABSENT: "refusedAbsent",
  RACED: "refusedRaced",
  FORGOTTEN: "forgotten",
};

/** `totals` by enum service_count. */
export const namedTotals = (totals: readonly number[]): Record<string, number> =>
  Object.fromEntries(
    Object.entries(ServiceCount).map(([name, at]) => [COUNTED[name as CountName], totals[at] ?? 0]),
  );
