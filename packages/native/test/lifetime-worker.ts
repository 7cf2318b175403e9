// The worker thread of lifetime-scenarios.ts: a ring reader and a watch in full swing when the thread ends.
import { parentPort, workerData } from "node:worker_threads";
import { openObject, RingReader, watchLinks } from "../lib/native.ts";
import { fixture } from "./fixture.ts";

const object = openObject(fixture("ring"));
object.load();
const writer = object.program("write_records");
let batches = 0;
new RingReader(object.map("records"), () => batches++, { tickMs: 1, maxBytes: 4096 });
watchLinks(undefined, () => {});
const order = Buffer.alloc(24);
order.writeUInt32LE(500, 8);
order.writeUInt32LE(56, 12);

let told = false;
function loop(): void {
  writer.testRun({ ctx: order });
  if (batches > 20 && !told) {
    told = true;
    parentPort?.postMessage("busy");
    if (workerData.exits) process.exit(0);
  }
  setImmediate(loop);
}
loop();
