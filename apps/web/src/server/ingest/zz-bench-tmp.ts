import pg from "/work/main/node_modules/pg/lib/index.js";
import { IngestInstance, rows } from "/work/main/apps/web/src/server/testing/ingest-instance.ts";
import { aFlow, anEndpoint, aWorkload, batchBytes, newIncarnation } from "/work/main/apps/web/src/server/testing/agent-batch.ts";
import { pool, transaction } from "/work/main/apps/web/src/server/db.ts";
import { copy } from "/work/main/apps/web/src/server/ingest/store.ts";
import { decodeBatch } from "/work/main/apps/web/src/server/ingest/decode.ts";
import { FLOW_TABLE, flowRows } from "/work/main/apps/web/src/server/ingest/rows.ts";
import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
const N = Number(process.argv[2] ?? 5000), B = Number(process.argv[3] ?? 40), services = Number(process.argv[4] ?? 20);
const inst = await IngestInstance.start(process.env.DATABASE_URL!);
const cred = await inst.enrol("bench" + Date.now());
const incarnation = newIncarnation();
const ids = Array.from({length: N * 4}, () => { const b = randomBytes(16); b[6] = 0x70; b[8] = 0x80; return new Uint8Array(b); });
const t0 = Date.now()*1000 - B*1e6;
const addr = (i: number) => Uint8Array.from([0,0,0,0,0,0,0,0,0,0,255,255,10,1,(i>>8)&255,i&255]);
const workloads = Array.from({length: services}, (_, i) => aWorkload({ pod: `p${i}`, service: `s${i}` }));
const make = (seq: number) => { const at = t0 + seq*1e6; return batchBytes(at, { incarnation, sequence: seq, workloads, endpoints: [anEndpoint({uid:"b", workload:1, addresses:["10.9.9.9"]})],
  flows: Array.from({length:N}, (_, i) => aFlow(at, { flowId: ids[(seq*N+i) % ids.length]!, src: addr(i), dst: addr(i*7%5000), srcPort: 32768+i, dstPort: [80,443,8080,5432][i%4]!, srcWorkload: 1+i%services, dstWorkload: 1+(i*3)%services, rttUs: 100+i, opens: 0 })) }); };
const all = Array.from({length:B}, (_, i) => make(i+1));
console.log("batch bytes", all[0]!.byteLength, "per flow", all[0]!.byteLength/N, "gz", gzipSync(all[0]!).byteLength/N);
// decode+encode only
{ const s = performance.now(); for (const b of all) { const d = decodeBatch(b, Date.now()*1000); if (!d.ok) throw new Error(d.reason); } console.log("decode k rows/s", (N*B/(performance.now()-s)).toFixed(0)); }
const c0 = process.cpuUsage(); const s1 = performance.now();
for (const b of all) { const a = await inst.push(b, cred); if (a.status !== 200) throw new Error(JSON.stringify(a)); }
const w1 = performance.now()-s1; const cpu = process.cpuUsage(c0);
console.log("ingest k rows/s", (N*B/w1).toFixed(1), "ms/batch", (w1/B).toFixed(1), "node cpu ms/batch", ((cpu.user+cpu.system)/1000/B).toFixed(1));
// plain COPY into the same table, same buffers
const d = decodeBatch(all[0]!, Date.now()*1000); if (!d.ok) throw 0;
const bufs = await Promise.all(all.map(async (b) => { const x = decodeBatch(b, Date.now()*1000); if (!x.ok) throw 0; const names = await inst.ingest.store.enricher.enrich(x.batch, {hostId:1,hostName:"h"}, Date.now()).catch((e)=>{throw e}); return flowRows(x.batch, names, { batchId: 1, hostId: 1 }); }));
const s2 = performance.now();
for (const buf of bufs) await transaction((c) => copy(c, "flow_updates", FLOW_TABLE, buf));
const w2 = performance.now()-s2;
console.log("plain COPY k rows/s", (N*B/w2).toFixed(1), "ms/batch", (w2/B).toFixed(1), "ratio", (w2/w1).toFixed(2));
console.log(await rows("select count(*)::int as keys from rollup_10s"));
await inst.stop();
