/**
 * `lab up` as a supervised process: up, control socket, wait for a signal or for someone to ask for the end,
 * down. A signal during up ends the up. It restarts nothing: that is its supervisor's.
 */
import { pino } from "pino";
import { ControlServer } from "./control-server.ts";
import { Lab } from "./lab.ts";
import type { LabOptions } from "./lab-options.ts";
import { statePaths } from "./state-directory.ts";

export async function runForeground(options: LabOptions): Promise<void> {
  const log = pino({ name: "lab" });
  const stop = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    stop.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => stop.abort());

  const beganMs = performance.now();
  const lab = await Lab.open({ ...options, log, signal: stop.signal });
  let control: ControlServer | undefined;
  try {
    const listen = () => {
      const { controlSocket } = statePaths(options.stateDirectory);
      return ControlServer.listen(controlSocket, lab, () => stop.abort());
    };
    // A dataplane that is to wire the pods asks here where it belongs, so it is answered before there are any.
    if (options.cniPlugin) control = await listen();
    await lab.fill({ ...options, signal: stop.signal });
    control ??= await listen();
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
  } catch (error) {
    if (!stop.signal.aborted) throw error; // else it was told to end while it came up
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
