/** Run inside a test's namespaces: `serve` answers TCP and UDP, `send N M BYTES` makes it. Tests only. */
import dgram from "node:dgram";
import net from "node:net";

const PEERS = ["10.77.0.2", "fd77::2"] as const;

function serve(): void {
  const tcp = net.createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.pipe(socket);
  });
  tcp.listen(8080, "::", () => {
    const udp = dgram.createSocket("udp6");
    udp.on("message", (message, from) => udp.send(message, from.port, from.address));
    udp.bind(5353, "::", () => console.log("ready"));
  });
}

const connection = (host: string, bytes: number): Promise<void> =>
  new Promise((resolve, reject) => {
    let got = 0;
    const socket = net.connect(8080, host, () => socket.write(Buffer.alloc(bytes, 1)));
    socket.on("data", (chunk) => {
      got += chunk.length;
      if (got >= bytes) socket.end();
    });
    socket.on("close", () => resolve());
    socket.on("error", reject);
  });

function datagrams(host: string, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket(host.includes(":") ? "udp6" : "udp4");
    let answered = 0;
    socket.on("error", reject);
    socket.on("message", () => {
      answered++;
      if (answered < count) next();
      else socket.close(() => resolve());
    });
    const next = (): void => socket.send("hello", 5353, host);
    next();
  });
}

async function send(connections: number, count: number, bytes: number): Promise<void> {
  for (let i = 0; i < connections; i++) await connection(PEERS[i % 2] as string, bytes);
  if (count > 0) for (const host of PEERS) await datagrams(host, count);
}

const [what, ...numbers] = process.argv.slice(2);
if (what === "serve") serve();
else await send(...(numbers.map(Number) as [number, number, number]));
