/**
 * Asks a running lab through its control socket. One request a connection; a lab that isn't there is an
 * ordinary answer (undefined), not an error.
 */
import { createConnection } from "node:net";
import { ANSWER_LIMIT_BYTES, ControlAnswer, type ControlRequest } from "./control-protocol.ts";
import { LabStatus } from "./status.ts";
import { LabError } from "./subprocess.ts";

const ANSWER_TIMEOUT_MS = 30_000;

/** Undefined when no lab listens. With `untilClosed`, the answer comes when the lab has closed the socket. */
export function askLab(
  socketPath: string,
  request: ControlRequest,
  options: { untilClosed?: boolean } = {},
): Promise<LabStatus | undefined> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(socketPath);
    let received = "";
    socket.setEncoding("utf8");
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy(new LabError(`${socketPath}: no answer`)));
    socket.on("connect", () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on("data", (part: string) => {
      received += part;
      if (received.length > ANSWER_LIMIT_BYTES)
        socket.destroy(new LabError(`${socketPath}: the answer has no end`));
      else if (received.includes("\n") && !options.untilClosed) socket.end();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ECONNREFUSED") resolve(undefined);
      else reject(error);
    });
    socket.on("close", () => {
      try {
        resolve(parseAnswer(received, socketPath));
      } catch (error) {
        reject(error);
      }
    });
  });
}

function parseAnswer(received: string, socketPath: string): LabStatus {
  const line = received.split("\n")[0] ?? "";
  if (line === "") throw new LabError(`${socketPath}: the lab ended without an answer`);
  const parsed = ControlAnswer.parse(JSON.parse(line));
  if (!parsed.ok) throw new LabError(parsed.error);
  return LabStatus.parse(parsed.result);
}
