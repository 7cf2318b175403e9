/**
 * The agent's own credential, in a file only its user reads. Written beside and renamed, so that a kill
 * leaves the old one or the new one.
 */
import fs from "node:fs";
import path from "node:path";
import { AgentCredential } from "@millrace/contract/agent-protocol";
import { HostId } from "@millrace/contract/ids";
import { z } from "zod";

const Credential = z.object({ hostId: HostId, credential: AgentCredential });
export type Credential = z.infer<typeof Credential>;

/** More than any credential: they are at most about 200 characters. */
const RESERVED_BYTES = 512;

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

  /** Takes the room a credential needs. Throws where it can't: before a one-time token is spent, not after. */
  reserve(): void {
    fs.mkdirSync(path.dirname(this.file), { recursive: true, mode: 0o700 });
    this.#writeBeside(" ".repeat(RESERVED_BYTES));
  }
  write(credential: Credential): void {
    this.reserve();
    this.#writeBeside(JSON.stringify(credential).padEnd(RESERVED_BYTES));
    fs.renameSync(this.#beside, this.file);
  }

  get #beside(): string {
    return `${this.file}.new`;
  }
  /** Over what is there: a disk that has filled up meanwhile has room for that. */
  #writeBeside(text: string): void {
    const fd = fs.openSync(this.#beside, fs.constants.O_WRONLY | fs.constants.O_CREAT, 0o600);
    try {
      fs.writeFileSync(fd, text);
      fs.ftruncateSync(fd, text.length);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the same as not ours
  }
}
