/**
 * The place of the agent's socket: a directory that only its owner may enter, which is how the peer is known to be root,
 * and a file that a dead agent may have left. What isn't surely ours is refused and never changed.
 */
import fs from "node:fs";
import net from "node:net";
import path from "node:path";

export function ensurePrivateDirectory(socket: string): void {
  const directory = path.dirname(socket);
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const found = fs.lstatSync(directory);
  const isOurs = found.isDirectory() && found.uid === process.geteuid?.();
  if (!isOurs || (found.mode & 0o077) !== 0) {
    throw new Error(`${directory} must be a directory of the agent's user and closed to all others (0700)`);
  }
}

/** Removes a socket that nobody listens on; throws when somebody does, or when it isn't a socket. */
export async function removeStaleSocket(socket: string): Promise<void> {
  const found = fs.lstatSync(socket, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) throw new Error(`${socket} is there and is no socket`);
  if (await isListenedOn(socket)) throw new Error(`another agent listens on ${socket}`);
  fs.rmSync(socket, { force: true });
}

function isListenedOn(socket: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const connection = net.connect(socket);
    connection.once("connect", () => {
      connection.destroy();
      resolve(true);
    });
    connection.once("error", (error: NodeJS.ErrnoException) => {
      // A live agent's queue may be full; only a refusal says that nobody is there.
      if (error.code === "ECONNREFUSED" || error.code === "ENOENT") resolve(false);
      else if (error.code === "EAGAIN") resolve(true);
      else reject(error);
    });
  });
}
