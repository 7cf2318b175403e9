/**
 * What /proc says of processes: whether one still is the one we started (a pid alone is reused), and which
 * belong to a lab without being its child. Reads only; signals are the caller's.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";

export type ProcessId = { pid: number; startTicks: string };

/** Undefined when the process is gone, or dead and only waiting to be reaped. */
export function startTicks(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The name may hold spaces and brackets; what follows its last ')' may not.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

export const isAlive = ({ pid, startTicks: ticks }: ProcessId): boolean => startTicks(pid) === ticks;

export function processesInNetns(netnsPaths: readonly string[]): number[] {
  const inodes = new Set<string>();
  for (const path of netnsPaths) {
    try {
      inodes.add(`net:[${statSync(path).ino}]`);
    } catch {
      // Gone already: nobody can be found by it.
    }
  }
  if (inodes.size === 0) return [];
  return processesWhere((proc) => inodes.has(readlinkSync(`${proc}/ns/net`)));
}

/** A runc that outlived its caller, and would make a container that nobody remembers. */
export function runcProcessesOf(directory: string): number[] {
  return processesWhere(
    (proc) =>
      readFileSync(`${proc}/comm`, "utf8").startsWith("runc") &&
      readFileSync(`${proc}/cmdline`, "utf8").includes(`\0${directory}/`),
  );
}

/** `matches` may throw: then the process is gone by now. */
function processesWhere(matches: (proc: string) => boolean): number[] {
  const matching = (entry: string): boolean => {
    try {
      return /^\d+$/.test(entry) && matches(`/proc/${entry}`);
    } catch {
      return false;
    }
  };
  return readdirSync("/proc").filter(matching).map(Number);
}

export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
