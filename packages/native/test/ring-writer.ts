// A process that writes ring records until it is killed: argv[2] is the pinned program that writes them.
import { openPinnedProgram } from "../lib/native.ts";

const writer = openPinnedProgram(process.argv[2] ?? "");
const order = Buffer.alloc(24);
order.writeUInt32LE(1000, 8);
order.writeUInt32LE(56, 12);
while (true) writer.testRun({ ctx: order });
