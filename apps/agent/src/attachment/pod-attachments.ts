/**
 * Makes and removes pods' links: an address of our blocks, a pair of devices, programs on it before anything passes,
 * then up. All or nothing: what fails half-way is taken back, and what a crash left half-way is taken back at the next
 * start, as is what is remembered of links that went meanwhile, with their namespace or with all others when the host was
 * started anew. Asked for by the CNI server, one request for a link at a time.
 */
import { createHash } from "node:crypto";
import type { PodLinks } from "../dataplane/pod-links.ts";
import {
  type Attachment,
  AttachmentError,
  type AttachmentKey,
  type AttachmentRequest,
  type Attachments,
  type ExpectedLink,
  keyText,
} from "./attachment.ts";
import { differences } from "./check.ts";
import { type HostPort, hostPortsOf } from "./host-port.ts";
import { type AttachmentRecord, type AttachmentStore, type PlacedRecord, podOf } from "./record.ts";

/** One address of each family the pool has. */
export type Allocation = {
  pool: string;
  mtuOverhead: number;
  addresses: { address: string; gateway: string }[];
};
export type PodAttachmentsOptions = {
  store: AttachmentStore;
  links: PodLinks;
  hostCookie: bigint;
  netnsCookie: (path: string) => bigint;
  /** Throws AttachmentError when there is none. */
  allocate: (taken: ReadonlySet<string>) => Allocation;
  /** Of the uplink. */
  mtu: () => number;
  hostAddresses: () => readonly string[];
  tunnelPort: number;
  notReady: () => string | undefined;
  /** The same after a while of waiting for the better. */
  untilReady: () => Promise<string | undefined>;
  /** Puts programs and tables in place for a link that is still down. */
  connect: (record: PlacedRecord) => void;
  /** After a link came or went. */
  onChange: () => void;
  log: (line: string, error?: string) => void;
};

export class PodAttachments implements Attachments {
  readonly #o: PodAttachmentsOptions;

  constructor(options: PodAttachmentsOptions) {
    this.#o = options;
    const there = options.links.kinds();
    for (const record of options.store.all()) {
      if (record.phase === "made" && there.has(record.hostName)) continue;
      if (record.phase === "made")
        options.log("a pod's link has gone, its addresses are free", podOf(record));
      this.#remove(record); // the tables are written when all that stands in them is known
    }
    for (const file of options.store.unreadable) options.log("no record of an attachment", file);
  }

  list(): readonly (AttachmentKey & { network: string })[] {
    return this.#o.store.all();
  }
  notReady(): string | undefined {
    return this.#o.notReady();
  }

  async add(request: AttachmentRequest): Promise<Attachment> {
    const cookie = this.#cookieOf(request.netns);
    const known = this.#o.store.get(request);
    if (
      known?.place &&
      known.phase === "made" &&
      BigInt(known.place.cookie) === cookie &&
      this.#isThere(known)
    )
      return attachmentOf(known as PlacedRecord);
    const why = await this.#o.untilReady();
    if (why !== undefined) throw new AttachmentError("not-ready", why);
    if (this.#o.links.facts(request.netns, request.ifname) && !known)
      throw new AttachmentError("name-taken", `${request.netns} has an interface ${request.ifname} already`);
    if (known) this.#takeBack(known);
    return this.#make(request);
  }

  async remove(key: AttachmentKey): Promise<void> {
    const record = this.#o.store.get(key);
    if (record) this.#takeBack(record);
  }

  async check(key: AttachmentKey, netns: string, expected: ExpectedLink): Promise<void> {
    const record = this.#o.store.get(key);
    if (record?.phase !== "made") throw new AttachmentError("gone", `no attachment ${keyText(key)}`);
    this.#cookieOf(netns);
    if (!this.#o.links.kinds().has(record.hostName))
      throw new AttachmentError("differs", `the host's end ${record.hostName} is gone`);
    const problems = differences(expected, this.#o.links.facts(netns, key.ifname));
    if (problems.length > 0) throw new AttachmentError("differs", problems.join("; "));
  }

  #make(request: AttachmentRequest): Attachment {
    const { store, links, connect } = this.#o;
    const record = this.#plan(request);
    store.put(record);
    try {
      const { mac, ...place } = links.make({ ...record, name: record.ifname });
      const made = { ...record, mac, place: { ...place, cookie: String(place.cookie) } };
      store.put(made);
      connect({ ...made, phase: "made" });
      links.raise({ ...record, name: record.ifname }, place);
      store.put({ ...made, phase: "made" });
      this.#o.onChange();
      return attachmentOf({ ...made, phase: "made" });
    } catch (error) {
      this.#takeBack(record);
      throw error;
    }
  }

  #plan(request: AttachmentRequest): AttachmentRecord {
    const { containerId, ifname, network, netns, args } = request;
    const taken = new Set(
      this.#o.store.all().flatMap(({ addresses }) => addresses.map(({ address }) => address)),
    );
    const { pool, addresses, mtuOverhead } = this.#o.allocate(taken);
    const hostPorts = this.#hostPorts(request, addresses);
    const digest = createHash("sha256").update(keyText(request)).digest("hex");
    return {
      ...{ phase: "making", containerId, ifname, network, netns, pool, addresses, hostPorts, place: null },
      hostName: `mr${digest.slice(0, 12)}`,
      mac: macOf(digest),
      mtu: this.#o.mtu() - mtuOverhead,
      namespace: args.K8S_POD_NAMESPACE ?? null,
      pod: args.K8S_POD_NAME ?? null,
    };
  }

  #hostPorts(request: AttachmentRequest, addresses: AttachmentRecord["addresses"]): HostPort[] {
    const others = this.#o.store.all().filter((record) => keyText(record) !== keyText(request));
    return hostPortsOf(request.portMappings, {
      others: others.map((record) => ({
        owner: podOf(record),
        ...{ hostPorts: record.hostPorts, addresses: record.addresses.map(({ address }) => address) },
      })),
      podAddresses: addresses.map(({ address }) => address),
      ...{ hostAddresses: this.#o.hostAddresses(), tunnelPort: this.#o.tunnelPort },
    });
  }

  #takeBack(record: AttachmentRecord): void {
    this.#remove(record);
    this.#o.onChange();
  }
  #remove(record: AttachmentRecord): void {
    this.#o.links.remove(record.hostName);
    this.#o.store.remove(record);
  }
  #isThere(record: AttachmentRecord): boolean {
    return this.#o.links.facts(record.netns, record.ifname)?.ifindex === record.place?.ifindex;
  }
  #cookieOf(netns: string): bigint {
    let cookie: bigint;
    try {
      cookie = this.#o.netnsCookie(netns);
    } catch (error) {
      throw new AttachmentError("bad-netns", `${netns} is no network namespace`, { cause: error });
    }
    if (cookie === this.#o.hostCookie) throw new AttachmentError("bad-netns", `${netns} is the host's own`);
    return cookie;
  }
}

/** Locally administered, and no group's. */
function macOf(digest: string): string {
  const bytes = Buffer.from(digest.slice(-12), "hex");
  bytes[0] = ((bytes[0] as number) & 0xfe) | 0x02;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

function attachmentOf(record: PlacedRecord): Attachment {
  const { containerId, ifname, network, netns, hostName, mac, mtu, addresses, place } = record;
  const cidr = (address: string) => `${address}/${address.includes(":") ? 128 : 32}`;
  return {
    ...{ containerId, ifname, network, netns },
    host: { name: hostName, mac: place.hostMac, mtu },
    pod: { name: ifname, mac, mtu },
    addresses: addresses.map(({ address, gateway }) => ({ address: cidr(address), gateway })),
  };
}
