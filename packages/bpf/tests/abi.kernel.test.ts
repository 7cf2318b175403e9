/*
 * The generated decoders against what really is in the built objects and in the running kernel.
 */

import { DROP_REASONS, dropReasonName } from "@millrace/abi/drop-reasons";
import * as config from "@millrace/abi/generated/config";
import * as endpoint from "@millrace/abi/generated/endpoint";
import * as event from "@millrace/abi/generated/event";
import * as flow from "@millrace/abi/generated/flow";
import * as socket from "@millrace/abi/generated/socket";
import * as trace from "@millrace/abi/generated/trace";
import { BtfView } from "@millrace/native/native";
import { describe, expect, test } from "vitest";

const snake = (name: string) => name.replace(/(?<=.)([A-Z])/g, "_$1").toLowerCase();
const build = (file: string) => new URL(`../build/${file}`, import.meta.url).pathname;
const MEMBERS = { ...config, ...endpoint, ...event, ...flow, ...socket, ...trace } as Record<string, unknown>;
const STRUCTS = Object.keys(MEMBERS)
  .filter((key) => key.startsWith("decode"))
  .map((key) => snake(key.slice("decode".length)));

describe.each(["abi.bpf.o", "observe.bpf.o", "trace_drops.bpf.o", "trace_connections.bpf.o"])(
  "%s",
  (file) => {
    test("every struct in it has the size and the offsets that the decoders use", () => {
      const btf = BtfView.file(build(file));
      const present = STRUCTS.filter((name) => btf.struct(name));
      for (const name of present) {
        const struct = btf.struct(name);
        expect(MEMBERS[`${name.toUpperCase()}_SIZE`], name).toBe(struct?.size);
        const fields = (struct?.members ?? []).filter((member) => !member.name.startsWith("_pad"));
        const offsets = Object.entries(MEMBERS[`${name.toUpperCase()}_OFFSETS`] as Record<string, number>);
        expect(
          offsets.map(([field, at]) => [snake(field), at]),
          name,
        ).toEqual(fields.map((f) => [f.name, f.offset]));
      }
      expect(present.length).toBe(file === "abi.bpf.o" ? STRUCTS.length : present.length);
      expect(present.length).toBeGreaterThan(2);
      btf.close();
    });
  },
);

test("every drop reason of this kernel is explained", () => {
  const values = BtfView.vmlinux().enumValues("skb_drop_reason") ?? [];
  const names = values.map((value) => dropReasonName(value.name)).filter((name) => name !== undefined);
  expect(names.length).toBeGreaterThan(60);
  expect(names.filter((name) => !Object.hasOwn(DROP_REASONS, name))).toEqual([]);
});
