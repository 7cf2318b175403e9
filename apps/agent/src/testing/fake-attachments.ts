/** Attachments that make no links: they remember, and fail or wait when a test wants it. Tests only. */
import {
  type Attachment,
  type AttachmentKey,
  type AttachmentRequest,
  type Attachments,
  type ExpectedLink,
  keyText,
} from "../attachment/attachment.ts";

export class FakeAttachments implements Attachments {
  readonly made = new Map<string, Attachment>();
  readonly requests: AttachmentRequest[] = [];
  readonly checks: { key: AttachmentKey; netns: string; expected: ExpectedLink }[] = [];
  readonly removals: AttachmentKey[] = [];
  unready: string | undefined;
  /** Thrown by all that is asked of the attachment of this container, or of any. */
  fail: { containerId?: string; error: Error } | undefined;
  /** What is asked waits for it first. */
  gate: Promise<void> = Promise.resolve();

  async add(request: AttachmentRequest): Promise<Attachment> {
    this.requests.push(request);
    await this.#passes(request);
    const key = keyText(request);
    const before = this.made.get(key);
    if (before) return before;
    const { containerId, ifname, network, netns } = request;
    const number = this.made.size + 1;
    const made: Attachment = {
      ...{ containerId, ifname, network, netns },
      host: { name: `mr0000000${number}`, mac: "ee:ee:ee:ee:ee:ee", mtu: 1450 },
      pod: { name: ifname, mac: `02:00:00:00:00:0${number}`, mtu: 1450 },
      addresses: [
        { address: `10.20.0.${number}/32`, gateway: "169.254.1.1" },
        { address: `fd20::${number}/128`, gateway: "fe80::1" },
      ],
    };
    this.made.set(key, made);
    return made;
  }
  async remove(key: AttachmentKey): Promise<void> {
    this.removals.push(key);
    await this.#passes(key);
    this.made.delete(keyText(key));
  }
  async check(key: AttachmentKey, netns: string, expected: ExpectedLink): Promise<void> {
    this.checks.push({ key, netns, expected });
    await this.#passes(key);
  }
  list() {
    return [...this.made.values()];
  }
  notReady(): string | undefined {
    return this.unready;
  }

  async #passes({ containerId }: AttachmentKey): Promise<void> {
    await this.gate;
    const { fail } = this;
    if (fail && (fail.containerId ?? containerId) === containerId) throw fail.error;
  }
}

/** A gate, and what opens it. */
export function gate(): { closed: Promise<void>; open: () => void } {
  let open = () => {};
  const closed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { closed, open };
}
