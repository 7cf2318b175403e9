/** What processes have cost so far: CPU seconds and memory from /proc, of one process or of a family. */
import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ: 100 on every architecture Linux runs on today. */
const TICKS_PER_SECOND = 100;

type Stat = { pid: number; parent: number; ticks: number; reapedTicks: number };

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const number = (field: number) => Number(fields[field - 3]); // fields count from 1, and two are cut off
    return {
      pid,
      parent: number(4),
      ticks: number(14) + number(15),
      reapedTicks: number(16) + number(17),
    };
  } catch {
    return undefined; // ended meanwhile
  }
}

/** CPU seconds of one process, its threads included. */
export const cpuSeconds = (pid: number): number => (statOf(pid)?.ticks ?? 0) / TICKS_PER_SECOND;

/** CPU seconds of a process, of all its living descendants, and of those already ended. */
export function familyCpuSeconds(pid: number): number {
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => statOf(Number(name)) ?? []);
  const sum = (of: Stat): number =>
    all.filter((s) => s.parent === of.pid).reduce((total, s) => total + sum(s), of.ticks + of.reapedTicks);
  const root = all.find((s) => s.pid === pid);
  return root ? sum(root) / TICKS_PER_SECOND : 0;
}

export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes ?? 0) * 1024;
}
