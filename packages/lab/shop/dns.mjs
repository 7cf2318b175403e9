// A name server over UDP that answers A and AAAA from a table, the pod's /etc/hosts: enough for a real
// resolver to be content.
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import { reply, TYPE } from "./dns-message.mjs";
import { count } from "./report.mjs";

function readTable() {
  const table = new Map();
  for (const line of readFileSync("/etc/hosts", "utf8").split("\n")) {
    const [address, name] = line.split(" ");
    if (name) table.set(`${isIPv6(address) ? TYPE.AAAA : TYPE.A} ${name}.shop`, address);
  }
  return table;
}

export function dns() {
  const table = readTable();
  const socket = createSocket("udp6");
  socket.on("message", (query, from) => {
    const answer = reply(query, table);
    count(answer ? "ok" : "malformed");
    if (answer) socket.send(answer, from.port, from.address);
  });
  return new Promise((resolve) => socket.bind(53, "::", resolve));
}
