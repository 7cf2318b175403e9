/**
 * The services that pods of this host use as they were last known, so that an agent that starts anew goes on by them, also
 * when nobody can be asked. Not fsynced: what is lost is asked for again.
 */
import fs from "node:fs";
import path from "node:path";
import { ResolvedService } from "@millrace/contract/service";
import { z } from "zod";

const ServiceState = z.object({
  ranges: z.array(z.string()),
  known: z.array(z.tuple([z.string(), ResolvedService])),
});
export type ServiceState = z.infer<typeof ServiceState>;

export class ServiceFile {
  readonly #file: string;
  constructor(stateDir: string) {
    this.#file = path.join(stateDir, "services.json");
  }
  read(): ServiceState {
    try {
      return ServiceState.parse(JSON.parse(fs.readFileSync(this.#file, "utf8")));
    } catch {
      return { ranges: [], known: [] };
    }
  }
  write(state: ServiceState): void {
    const draft = `${this.#file}.new`;
    fs.writeFileSync(draft, JSON.stringify(state), { mode: 0o600 });
    fs.renameSync(draft, this.#file);
  }
}
