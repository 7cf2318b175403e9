// The shop's one program: the first argument says which role this container plays. It runs as pid 1 of its
// container, with nothing but node and this directory. Who runs where is the lab's (src/shop.ts).
import { batch } from "./batch.mjs";
import { cart } from "./cart.mjs";
import { checkout } from "./checkout.mjs";
import { dns } from "./dns.mjs";
import { ledger } from "./ledger.mjs";
import { payments } from "./payments.mjs";
import { gauge, writeReport } from "./report.mjs";
import { shopper } from "./shopper.mjs";
import { web } from "./web.mjs";

const ROLES = { batch, cart, checkout, dns, ledger, payments, shopper, web };

// As pid 1, a signal nobody handles would be ignored.
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));

const name = process.argv[2] ?? "";
const role = Object.hasOwn(ROLES, name) ? ROLES[name] : undefined;
if (!role) {
  console.error(`no role '${name}'; there are ${Object.keys(ROLES).join(", ")}`);
  process.exit(1);
}
await role();
// The lab is up when every role has said so.
gauge("ready", 1);
writeReport();
console.log(`${name} runs`);
