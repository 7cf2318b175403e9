// The worker thread of lifetime-scenarios.ts: a tun device that is written and read in full swing when the thread ends.
// In a namespace of the process's own.
import { parentPort, workerData } from "node:worker_threads";
import { addAddress, setLink, TunDevice } from "../lib/native.ts";
import { echoRequest } from "./tun-packet.ts";

let batches = 0;
const device = TunDevice.open({ name: "punt0", mtu: 1500, queueLength: 100 }, () => batches++);
setLink({ ifindex: device.ifindex, up: true });
addAddress({ ifindex: device.ifindex, address: "10.5.0.1", prefix: 24 });
const request = echoRequest(4, [10, 5, 0, 9], [10, 5, 0, 1]);

let told = false;
function loop(): void {
  for (let i = 0; i < 50; i++) device.write(request);
  if (batches > 20 && !told) {
    told = true;
    parentPort?.postMessage("busy");
    if (workerData.exits) process.exit(0);
  }
  setImmediate(loop);
}
loop();
