/**
 * The agent's own credential, in a file only its user reads. Written beside and renamed, so that a kill
 * leaves the old one or the new one. Until it is there, the key that it is asked for with stands in a second file:
 * who lost the answer asks again with the same key.
 */
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { AgentCredential, EnrolKey } from "@millrace/contract/agent-protocol";
import { HostId } from "@millrace/contract/ids";
import { z } from "zod";

const Credential = z.object({ hostId: HostId, credential: AgentCredential });
export type Credential = z.infer<typeof Credential>;

/** More than any credential: they are at most about 200 characters. */
const RESERVED_BYTES = 512;

export class CredentialFile {
  readonly file: string;
  readonly #keyFile: string;

  constructor(stateDirectory: string) {
    this.file = path.join(stateDirectory, "credential.json");
    this.#keyFile = path.join(stateDirectory, "enrol-key");
  }

  /** Undefined when there is none; throws for one that can't be read, rather than enrol over it. */
  read(): Credential | undefined {
    if (!fs.existsSync(this.file)) return undefined;
    const parsed = Credential.safeParse(parse(fs.readFileSync(this.file, "utf8")));
    if (!parsed.success) throw new Error(`${this.file} is damaged: remove it and enrol the host again`);
    fs.rmSync(this.#keyFile, { force: true }); // of a life that died before it did so itself
    return parsed.data;
  }

  /**
   * The key to enrol with: the one of an earlier try, or a new one. On the disk, with the room that a credential
   * needs, when this returns. Throws where that can't be: before a one-time token is spent, not after.
   */
  prepare(): string {
    fs.mkdirSync(path.dirname(this.file), { recursive: true, mode: 0o700 });
    writeWhole(this.#beside, " ".repeat(RESERVED_BYTES));
    const known = this.#storedKey();
    if (known) return known;
    const key = randomBytes(32).toString("base64url");
    writeWhole(this.#keyFile, key);
    syncDirectory(path.dirname(this.file));
    return key;
  }
  write(credential: Credential): void {
    fs.mkdirSync(path.dirname(this.file), { recursive: true, mode: 0o700 });
    writeWhole(this.#beside, JSON.stringify(credential).padEnd(RESERVED_BYTES));
    fs.renameSync(this.#beside, this.file);
    syncDirectory(path.dirname(this.file));
    fs.rmSync(this.#keyFile, { force: true });
  }

  get #beside(): string {
    return `${this.file}.new`;
  }
  /** One that is not whole was never sent. */
  #storedKey(): string | undefined {
    if (!fs.existsSync(this.#keyFile)) return undefined;
    return EnrolKey.safeParse(fs.readFileSync(this.#keyFile, "utf8")).data;
  }
}

/** Over what is there: a disk that has filled up meanwhile has room for that. */
function writeWhole(file: string, text: string): void {
  const fd = fs.openSync(file, fs.constants.O_WRONLY | fs.constants.O_CREAT, 0o600);
  try {
    fs.writeFileSync(fd, text);
    fs.ftruncateSync(fd, text.length);
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** So that the file's name outlives a power cut too. */
function syncDirectory(directory: string): void {
  const fd = fs.openSync(directory, fs.constants.O_RDONLY);
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the same as not ours
  }
}
