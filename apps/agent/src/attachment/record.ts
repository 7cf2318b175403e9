/**
 * What is remembered of an attachment, one file each, so that no address is given twice whatever dies when. Written
 * before anything is made, and once more when all of it is there.
 */
import fs from "node:fs";
import path from "node:path";
import { z } from "zod";
import { type AttachmentKey, keyText } from "./attachment.ts";
import { HostPort } from "./host-port.ts";

export const AttachmentRecord = z.object({
  /** "making": whoever finds it after a start takes away what there is of it. */
  phase: z.enum(["making", "made"]),
  containerId: z.string(),
  ifname: z.string(),
  network: z.string(),
  netns: z.string(),
  pool: z.string(),
  hostName: z.string(),
  mac: z.string(),
  mtu: z.int(),
  addresses: z.array(z.object({ address: z.string(), gateway: z.string() })),
  /** Absent in what agents wrote that had none. */
  hostPorts: z.array(HostPort).default([]),
  /** What the runtime said of the pod. */
  namespace: z.string().nullable(),
  pod: z.string().nullable(),
  /** Null until the link is made. */
  place: z.object({ cookie: z.string(), ifindex: z.int(), port: z.int(), hostMac: z.string() }).nullable(),
});
export type AttachmentRecord = z.infer<typeof AttachmentRecord>;
/** Its link exists, at the least. */
export type PlacedRecord = AttachmentRecord & { place: NonNullable<AttachmentRecord["place"]> };

/** As people know it. */
export const podOf = (record: AttachmentRecord): string =>
  record.pod === null ? keyText(record) : `${record.namespace ?? "?"}/${record.pod}`;

const SUFFIX = ".json";

export class AttachmentStore {
  readonly #directory: string;
  readonly #records = new Map<string, AttachmentRecord>();
  /** Files that are no records, which stay for somebody to look at. */
  readonly unreadable: string[] = [];

  constructor(directory: string) {
    this.#directory = directory;
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const name of fs.readdirSync(directory)) this.#load(path.join(directory, name));
  }

  get(key: AttachmentKey): AttachmentRecord | undefined {
    return this.#records.get(keyText(key));
  }
  all(): AttachmentRecord[] {
    return [...this.#records.values()];
  }
  placed(): PlacedRecord[] {
    return this.all().filter((record): record is PlacedRecord => record.place !== null);
  }

  /** The pod's end of the link whose host's end has that index. */
  podEndOf(port: number): { cookie: bigint; ifindex: number } | undefined {
    const place = this.placed().find((record) => record.place.port === port)?.place;
    return place && { cookie: BigInt(place.cookie), ifindex: place.ifindex };
  }

  /** On disk when it returns. */
  put(record: AttachmentRecord): void {
    const file = this.#file(record);
    const draft = `${file}.new`;
    const fd = fs.openSync(draft, "w", 0o600);
    try {
      fs.writeSync(fd, JSON.stringify(record));
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(draft, file);
    this.#syncDirectory();
    this.#records.set(keyText(record), record);
  }
  remove(key: AttachmentKey): void {
    fs.rmSync(this.#file(key), { force: true });
    this.#records.delete(keyText(key));
  }

  /** Both parts are names without a slash. */
  #file({ containerId, ifname }: AttachmentKey): string {
    return path.join(this.#directory, `${containerId}@${ifname}${SUFFIX}`);
  }
  #load(file: string): void {
    if (!file.endsWith(SUFFIX)) {
      fs.rmSync(file, { force: true }); // a draft that was never renamed
      return;
    }
    const parsed = AttachmentRecord.safeParse(readJson(file));
    if (parsed.success) this.#records.set(keyText(parsed.data), parsed.data);
    else this.unreadable.push(file);
  }
  #syncDirectory(): void {
    const fd = fs.openSync(this.#directory, "r");
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  }
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
