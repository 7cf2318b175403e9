/**
 * `lab up` as a supervised process: up, control socket, wait for a signal or for someone to ask for the end,
 * down. A signal during up ends the up. It restarts nothing: that is its supervisor's.
 */
import { pino } from "pino";
import { ControlServer } from "./control-server.ts";
import { Lab, type LabOptions } from "./lab.ts";
import { statePaths } from "./state-directory.ts";

export async function runForeground(options: LabOptions): Promise<void> {
  const log = pino({ name: "lab" });
  const stop = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    stop.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => stop.abort());

  const beganMs = performance.now();
  const lab = await Lab.up({ ...options, log, signal: stop.signal });
  let control: ControlServer | undefined;
  try {
    const { controlSocket } = statePaths(options.stateDirectory);
    control = await ControlServer.listen(controlSocket, lab, () => stop.abort());
    const pods = lab.status().hosts.flatMap((host) => host.pods);
    log.info(
      {
        lab: lab.name,
        hosts: options.hosts,
        pods: pods.length,
        tookMs: Math.round(performance.now() - beganMs),
      },
      "lab is up",
    );
    await stopped;
  } finally {
    try {
      await lab.down();
      log.info({ lab: lab.name }, "lab is down");
    } finally {
      // Last, so that whoever asked for the end and waits for it sees it when it is true; also when the end fails,
      // since an open socket would keep this process.
      control?.close();
    }
  }
}
