import fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { cookieOf, FakeLinks } from "../testing/fake-links.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { AttachmentError, type AttachmentRequest } from "./attachment.ts";
import { PodAttachments } from "./pod-attachments.ts";
import { AttachmentStore } from "./record.ts";

const HOST = 1n;
const request = (number: number, more: Partial<AttachmentRequest> = {}): AttachmentRequest => ({
  ...{ network: "pods", containerId: `c${number}`, ifname: "eth0", netns: `/run/netns/${number}` },
  ...{ args: { K8S_POD_NAME: "web" }, annotations: {}, portMappings: [] },
  ...more,
});

function site(directory = temporaryDirectory("attachments")) {
  const links = new FakeLinks();
  const log: string[] = [];
  const connected: string[] = [];
  const state = { notReady: undefined as string | undefined, next: 5, failConnect: false, changes: 0 };
  /** As after a restart: what is on disk, and what the kernel has. */
  const begin = () =>
    new PodAttachments({
      ...{ store: new AttachmentStore(directory), links, hostCookie: HOST, netnsCookie: cookieOf },
      allocate: (taken) => {
        let address = "";
        do address = `10.1.0.${state.next++}`;
        while (taken.has(address));
        return { pool: "default", mtuOverhead: 50, addresses: [{ address, gateway: "169.254.1.1" }] };
      },
      ...{ mtu: () => 1500, tunnelPort: 8472, hostAddresses: () => ["127.0.0.1", "192.0.2.9", "fe80::1"] },
      notReady: () => state.notReady,
      untilReady: async () => state.notReady,
      connect: (record) => {
        if (state.failConnect) throw new Error("no programs");
        expect(links.made.get(record.hostName)?.up).toBe(false);
        connected.push(record.hostName);
      },
      onChange: () => void state.changes++,
      log: (line, error) => log.push(`${line}: ${error}`),
    });
  return { directory, links, log, connected, state, begin };
}

test("a link is connected before it is up, and answered with what it came to", async () => {
  const { links, connected, begin } = site();
  const made = await begin().add(request(7));
  expect(made.addresses).toEqual([{ address: "10.1.0.5/32", gateway: "169.254.1.1" }]);
  expect(made.pod).toMatchObject({ name: "eth0", mtu: 1450 });
  expect(Number.parseInt(made.pod.mac.slice(0, 2), 16) & 3).toBe(2);
  expect(connected).toEqual([made.host.name]);
  expect(links.made.get(made.host.name)?.up).toBe(true);
});

test("asked twice, also over a restart, it answers the same and makes nothing", async () => {
  const { links, begin } = site();
  const made = await begin().add(request(7));
  expect(await begin().add(request(7))).toEqual(made);
  expect(links.made.size).toBe(1);
});

test("of a link that has gone with its host's start nothing is left, and its port of the host is free", async () => {
  const { links, log, state, directory, begin } = site();
  const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: "tcp" as const }];
  await begin().add(request(7, { portMappings }));
  const stays = await begin().add(request(8));
  for (const name of links.made.keys()) if (name !== stays.host.name) links.made.delete(name);
  state.changes = 0;
  const after = begin();
  expect(state.changes).toBe(0); // nobody is there yet to be told
  expect(after.list().map(({ containerId }) => containerId)).toEqual(["c8"]);
  expect(log).toEqual(["a pod's link has gone, its addresses are free: ?/web"]);
  expect(fs.readdirSync(directory)).toEqual(["c8@eth0.json"]);
  await after.add(request(9, { portMappings }));
  await after.remove(request(7));
  expect(links.made.size).toBe(2);
});

test("the same container in another namespace is made anew", async () => {
  const { links, begin } = site();
  const attachments = begin();
  const made = await attachments.add(request(7));
  const again = await attachments.add(request(7, { netns: "/run/netns/8" }));
  expect(again.addresses).not.toEqual(made.addresses);
  expect([...links.made.values()].map(({ netns }) => netns)).toEqual(["/run/netns/8"]);
});

test.each(["make", "raise", "connect"] as const)("what fails at %s leaves nothing", async (where) => {
  const { links, state, begin, directory } = site();
  const attachments = begin();
  if (where === "connect") state.failConnect = true;
  else links.failAt = where;
  await expect(attachments.add(request(7))).rejects.toThrow(/for you|no programs/);
  expect(links.made.size).toBe(0);
  expect(fs.readdirSync(directory)).toEqual([]);
  expect(attachments.list()).toEqual([]);
});

test("what a crash left half made is taken back at the next start", async () => {
  const { links, begin, directory } = site();
  const made = await begin().add(request(7));
  const file = path.join(directory, "c7@eth0.json");
  const record = JSON.parse(fs.readFileSync(file, "utf8"));
  fs.writeFileSync(file, JSON.stringify({ ...record, phase: "making" }));
  fs.writeFileSync(`${file}.new`, "{");
  expect([...links.made.keys()]).toEqual([made.host.name]);
  expect(begin().list()).toEqual([]);
  expect([...links.made.keys()]).toEqual([]);
  expect(fs.readdirSync(directory)).toEqual([]);
});

test("no address is given twice, whatever was restarted in between", async () => {
  const { state, begin } = site();
  await begin().add(request(7));
  state.next = 5;
  const other = await begin().add(request(8));
  expect(other.addresses[0]?.address).toBe("10.1.0.6/32");
});

test("its ports of the host are remembered, and no other pod gets them while it is there", async () => {
  const { begin } = site();
  const portMappings = [{ hostPort: 80, containerPort: 8080, protocol: "tcp" as const }];
  await begin().add(request(7, { portMappings }));
  const attachments = begin();
  const failed = await attachments.add(request(8, { portMappings })).catch((error) => error);
  expect([failed.problem, failed.message]).toEqual([
    "port-taken",
    "runtimeConfig.portMappings.0.hostPort: 80/tcp leads to ?/web",
  ]);
  expect(attachments.list()).toHaveLength(1);
  await attachments.add(request(7, { netns: "/run/netns/9", portMappings }));
  await attachments.remove(request(7));
  await attachments.add(request(8, { portMappings }));
});

test("links stay of the kind that they were made of, and a netkit pair's end has no link address", async () => {
  const { links, begin } = site();
  const veth = await begin().add(request(7));
  links.kind = "netkit";
  const attachments = begin();
  const netkit = await attachments.add(request(8));
  expect(netkit.pod.mac).toBe("00:00:00:00:00:00");
  expect(await attachments.add(request(7))).toEqual(veth);
  expect([...links.kinds().values()]).toEqual(["veth", "netkit"]);
  for (const [number, { pod }] of [
    [7, veth],
    [8, netkit],
  ] as const) {
    const expected = { mac: pod.mac, mtu: pod.mtu, addresses: [], routes: [] };
    await attachments.check(request(number), `/run/netns/${number}`, expected);
  }
});

test("removing is done once and then nothing to do", async () => {
  const { links, begin } = site();
  const attachments = begin();
  await attachments.add(request(7));
  await attachments.remove(request(7));
  await attachments.remove(request(7));
  expect(links.made.size).toBe(0);
});

test.each<[string, Partial<AttachmentRequest>, string]>([
  ["the host's own namespace", { netns: "/run/netns/1" }, "bad-netns"],
  ["no namespace at all", { netns: "/run/netns/x" }, "bad-netns"],
  [
    "a port of the host by sctp",
    { portMappings: [{ hostPort: 80, containerPort: 80, protocol: "sctp" }] },
    "unsupported",
  ],
])("%s is refused with its reason", async (_what, change, problem) => {
  const { begin } = site();
  const failed = await begin()
    .add(request(7, change))
    .catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(AttachmentError);
  expect((failed as AttachmentError).problem).toBe(problem);
});

test("an interface of that name in the namespace, or an agent without a block, is told apart", async () => {
  const { state, begin } = site();
  const attachments = begin();
  await attachments.add(request(7));
  const taken = await attachments.add(request(7, { containerId: "other" })).catch((error) => error.problem);
  state.notReady = "no block";
  const early = await attachments.add(request(8)).catch((error) => error.problem);
  expect([taken, early]).toEqual(["name-taken", "not-ready"]);
});

test("a file that is no record is named and left alone", () => {
  const { directory, log, begin } = site();
  fs.writeFileSync(path.join(directory, "c9@eth0.json"), "not a record");
  expect(begin().list()).toEqual([]);
  expect(log).toEqual([`no record of an attachment: ${path.join(directory, "c9@eth0.json")}`]);
  expect(fs.readdirSync(directory)).toHaveLength(1);
});

test("CHECK tells what is no longer as it was made", async () => {
  const { links, begin } = site();
  const attachments = begin();
  const made = await attachments.add(request(7));
  const expected = { mac: made.pod.mac, mtu: 1450, addresses: ["10.1.0.5/32"], routes: [] };
  await attachments.check(request(7), "/run/netns/7", expected);
  const failure = (what: Promise<void>) => what.catch((error) => `${error.problem}: ${error.message}`);
  expect(await failure(attachments.check(request(7), "/run/netns/7", { ...expected, mtu: 9000 }))).toBe(
    "differs: its MTU is 1450, was 9000",
  );
  links.remove(made.host.name);
  expect(await failure(attachments.check(request(7), "/run/netns/7", expected))).toBe(
    `differs: the host's end ${made.host.name} is gone`,
  );
  expect(await failure(attachments.check(request(9), "/run/netns/9", expected))).toBe(
    "gone: no attachment c9/eth0",
  );
});
