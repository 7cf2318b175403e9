/** What the agent says of the machine it runs on. */
import fs from "node:fs";
import os from "node:os";

export const AGENT_VERSION = "0.1.0";

export type HostFacts = {
  bootId: string;
  kernel: string;
  architecture: string;
  cpus: number;
  memoryBytes: number;
};

export function hostFacts(): HostFacts {
  return {
    bootId: fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
    kernel: `${os.type()} ${os.release()}`,
    architecture: os.arch(),
    cpus: os.cpus().length,
    memoryBytes: os.totalmem(),
  };
}
