/**
 * The ways to other hosts' pods as they were last known, so that an agent that starts anew goes on by them, also when
 * nobody can be asked. Not fsynced: what is lost is asked for again.
 */
import fs from "node:fs";
import path from "node:path";
import { Route, RouteHost } from "@millrace/contract/network";
import { z } from "zod";

/** By address; and the hosts by whose node ports clients come to pods here. */
const Known = z.object({ routes: z.array(z.tuple([z.string(), Route])), hosts: z.array(RouteHost) });
/** As it was written before there were node ports. */
const RoutesAlone = z.array(z.tuple([z.string(), Route])).transform((routes) => ({ routes, hosts: [] }));
type Known = z.infer<typeof Known>;

export class RouteFile {
  readonly #file: string;
  constructor(stateDir: string) {
    this.#file = path.join(stateDir, "routes.json");
  }
  read(): Known {
    try {
      return z.union([Known, RoutesAlone]).parse(JSON.parse(fs.readFileSync(this.#file, "utf8")));
    } catch {
      return { routes: [], hosts: [] };
    }
  }
  write(known: Known): void {
    const draft = `${this.#file}.new`;
    fs.writeFileSync(draft, JSON.stringify(known), { mode: 0o600 });
    fs.renameSync(draft, this.#file);
  }
}
