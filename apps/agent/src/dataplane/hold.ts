/**
 * An agent's directories are its own: two agents that read the same maps, or write the same spool, would count
 * everything twice. The kernel keeps the locks and lets go of them however the process ends. Locks no other
 * agent of this host out: those have directories of their own.
 */
import fs from "node:fs";
import { holdDirectory, mountBpffs } from "@millrace/native/native";
import { missingMount } from "./pins.ts";

/** Takes both for the life of this process; throws when another has one of them. */
export function holdDirectories({ stateDir, pinDir }: { stateDir: string; pinDir: string }): void {
  hold("--state-dir", stateDir);
  const mount = missingMount(pinDir);
  if (mount) mountBpffs(mount);
  hold("--pin-dir", pinDir);
}

/** As an agent does, of a directory that may not be there: who removes the pins must be as alone as who uses them. */
export function holdPins(pinDir: string): void {
  if (!fs.existsSync(pinDir) || holdDirectory(pinDir)) return;
  throw new Error(`an agent runs on ${pinDir}: end it first`);
}

function hold(flag: string, directory: string): void {
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (holdDirectory(directory)) return;
  throw new Error(`another agent runs on ${directory}: end it, or give this one a ${flag} of its own`);
}
