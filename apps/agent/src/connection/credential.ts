/**
 * The agent's own credential, in a file only its user reads. Written beside and renamed, so that a kill
 * leaves the old one or the new one.
 */
import fs from "node:fs";
import path from "node:path";
import { HostId } from "@millrace/contract/ids";
import { z } from "zod";

const Credential = z.object({ hostId: HostId, credential: z.string().min(1) });
export type Credential = z.infer<typeof Credential>;

export class CredentialFile {
  readonly file: string;
  constructor(stateDirectory: string) {
    this.file = path.join(stateDirectory, "credential.json");
  }

  /** Undefined when there is none; throws for one that can't be read, rather than enrol over it. */
  read(): Credential | undefined {
    if (!fs.existsSync(this.file)) return undefined;
    const parsed = Credential.safeParse(parse(fs.readFileSync(this.file, "utf8")));
    if (!parsed.success) throw new Error(`${this.file} is damaged: remove it and enrol the host again`);
    return parsed.data;
  }

  write(credential: Credential): void {
    const beside = `${this.file}.new`;
    fs.mkdirSync(path.dirname(this.file), { recursive: true, mode: 0o700 });
    const fd = fs.openSync(beside, "w", 0o600);
    try {
      fs.writeSync(fd, JSON.stringify(credential));
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(beside, this.file);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the same as not ours
  }
}
