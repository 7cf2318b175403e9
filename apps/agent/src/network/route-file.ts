/**
 * The ways to other hosts' pods as they were last known, so that an agent that starts anew goes on by them, also when
 * nobody can be asked. Not fsynced: what is lost is asked for again.
 */
import fs from "node:fs";
import path from "node:path";
import { Route } from "@millrace/contract/network";
import { z } from "zod";

const Known = z.array(z.tuple([z.string(), Route]));

export class RouteFile {
  readonly #file: string;
  constructor(stateDir: string) {
    this.#file = path.join(stateDir, "routes.json");
  }
  read(): [address: string, route: Route][] {
    try {
      return Known.parse(JSON.parse(fs.readFileSync(this.#file, "utf8")));
    } catch {
      return [];
    }
  }
  write(known: readonly (readonly [string, Route])[]): void {
    const draft = `${this.#file}.new`;
    fs.writeFileSync(draft, JSON.stringify(known), { mode: 0o600 });
    fs.renameSync(draft, this.#file);
  }
}
