// Scenarios that could take a process down, each run by 50.lifetime.kernel.test.ts in a process of its own:
// argv[2] is the scenario. Prints 'done' at the end.
import { closeSync, openSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import {
  type BpfError,
  FEATURES,
  isSupported,
  links,
  listLinks,
  openObject,
  RingReader,
  TunDevice,
  watchProcesses,
} from "../lib/native.ts";
import { eventually, fixture, ingressOf } from "./fixture.ts";

/** A worker in full swing, reading a ring and a namespace or a tun device; says 'busy', then exits or goes on. */
function busyWorker(exits: boolean, name: "lifetime-worker" | "lifetime-tun-worker"): Worker {
  // Node 20 hands no module hooks down to a worker: TypeScript has to be registered there again.
  const tsx = JSON.stringify(import.meta.resolve("tsx/esm/api"));
  const file = JSON.stringify(new URL(`./${name}.ts`, import.meta.url).href);
  const source = `import(${tsx}).then(({ register }) => { register(); return import(${file}); });`;
  return new Worker(source, { eval: true, execArgv: [], workerData: { exits } });
}

async function endOf(worker: Worker): Promise<void> {
  await new Promise((resolve, reject) => worker.once("exit", resolve).once("error", reject));
}

async function terminate(name: Parameters<typeof busyWorker>[1]): Promise<void> {
  const worker = busyWorker(false, name);
  await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  await worker.terminate();
}

function startReader(): { write: () => void; batches: () => number } {
  const object = openObject(fixture("ring"));
  object.load();
  const writer = object.program("write_records");
  let batches = 0;
  new RingReader(object.map("records"), () => batches++, { tickMs: 1, maxBytes: 4096 });
  const order = Buffer.alloc(24);
  order.writeUInt32LE(1000, 8);
  order.writeUInt32LE(56, 12);
  return { write: () => writer.testRun({ ctx: order }), batches: () => batches };
}

function abandonHandles(): number {
  const object = openObject(fixture("packets"));
  object.load();
  const link = object.program("count_packet").attach(ingressOf(1));
  object.map("counts").readAll();
  object.btf().typeJson();
  return link.id;
}

function fillDescriptors(): number[] {
  const held: number[] = [];
  try {
    for (;;) held.push(openSync("/dev/null", "r"));
  } catch {
    return held;
  }
}

function openTun(): TunDevice {
  return TunDevice.open({ name: "punt0", mtu: 1500, queueLength: 100 }, () => {});
}

async function onlyLoopback(): Promise<void> {
  await eventually("no device is left", () => links().length === 1);
}

function attempt<T>(open: () => T): { text: string; opened?: T } {
  try {
    return { text: "opened", opened: open() };
  } catch (error) {
    return { text: (error as BpfError).code };
  }
}

const scenarios: Record<string, () => Promise<void>> = {
  "worker-exit": () => endOf(busyWorker(true, "lifetime-worker")),
  "worker-terminate": () => terminate("lifetime-worker"),
  "many-workers": async () => {
    for (let i = 0; i < 8; i++) await terminate("lifetime-worker");
  },
  "tun-worker-exit": async () => {
    await endOf(busyWorker(true, "lifetime-tun-worker"));
    await onlyLoopback();
  },
  "tun-worker-terminate": async () => {
    for (let i = 0; i < 4; i++) {
      await terminate("lifetime-tun-worker");
      await onlyLoopback();
    }
  },
  "tun-unclosed": async () => {
    openTun();
    setTimeout(() => process.exit(0), 0);
  },
  "tun-collected": async () => {
    openTun();
    await eventually("the device is gone", () => {
      globalThis.gc?.();
      return links().length === 1;
    });
  },
  "tun-no-descriptors": async () => {
    for (let free = 0; free < 12; free++) {
      const held = fillDescriptors();
      for (const fd of held.splice(0, free)) closeSync(fd);
      const { text, opened } = attempt(openTun);
      console.log(`${free} free: ${text}`);
      for (const fd of held) closeSync(fd);
      await opened?.close();
      await onlyLoopback();
    }
  },
  "process-exit": async () => {
    const reader = startReader();
    reader.write();
    await eventually("a batch", () => reader.batches() > 0);
    for (let i = 0; i < 20; i++) reader.write();
    console.log("done");
    process.exit(0);
  },
  "reader-nobody-holds": async () => {
    const reader = startReader();
    for (let i = 0; i < 20; i++) {
      globalThis.gc?.();
      await setImmediate(); // finalizers run from the loop
    }
    reader.write();
    await eventually("a batch", () => reader.batches() > 0);
    console.log("done");
    process.exit(0);
  },
  unclosed: async () => {
    const reader = startReader();
    reader.write();
    await eventually("a batch", () => reader.batches() > 0);
    // A reader keeps the process alive; nothing else would end this one.
    setTimeout(() => process.exit(0), 0);
  },
  unprivileged: async () => {
    for (const feature of FEATURES) console.log(`${feature}: ${isSupported(feature).reason ?? "supported"}`);
    try {
      openObject(fixture("packets")).load();
    } catch (error) {
      console.log(`load ${(error as BpfError).code}`);
    }
  },
  // With as many descriptors free as it takes to fail at each place in turn.
  "no-descriptors": async () => {
    const object = openObject(fixture("ring"));
    object.load();
    const map = object.map("records");
    for (let free = 0; free < 12; free++) {
      const held = fillDescriptors();
      for (const fd of held.splice(0, free)) closeSync(fd);
      const outcomes = [
        attempt(() => new RingReader(map, () => {})),
        attempt(() => watchProcesses(() => {})),
      ];
      console.log(`${free} free: ${outcomes.map(({ text }) => text).join(", ")}`);
      for (const fd of held) closeSync(fd);
      for (const { opened } of outcomes) await opened?.close();
    }
  },
  collected: async () => {
    const id = abandonHandles();
    await eventually("the link is detached", () => {
      globalThis.gc?.();
      return !listLinks().some((l) => l.id === id);
    });
    console.log("all collected");
  },
};

await scenarios[process.argv[2] ?? ""]?.();
console.log("done");
