// Opening, configuring and loading objects; what they say about themselves; their types.
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { BpfError, BtfView, listMaps, listPrograms, openObject, openPinnedMap } from "../lib/native.ts";
import { eventually, fixture, u32, u64 } from "./fixture.ts";
import { Testbed } from "./testbed.ts";

const bed = new Testbed("object");
afterAll(() => bed.close());

function failure(call: () => unknown): BpfError {
  try {
    call();
  } catch (error) {
    if (error instanceof BpfError) return error;
    throw error;
  }
  throw new Error("expected a BpfError");
}

describe("opening", () => {
  test("a file and its bytes open to the same object", () => {
    const path = fixture("packets");
    const fromFile = openObject(path);
    const fromBytes = openObject(readFileSync(path), { name: "packets" });
    expect(fromBytes.programs()).toEqual(fromFile.programs());
    expect(fromBytes.maps()).toEqual(fromFile.maps());
    expect(fromFile.programs().join(" ")).toBe("count_packet count_other count_last call_slot count_frame");
    fromFile.close();
    fromBytes.close();
  });

  test("maps are listed with their layout before anything is loaded", () => {
    const object = openObject(fixture("packets"));
    expect(object.maps()).toContainEqual({
      name: "counts",
      type: "percpu_array",
      keySize: 4,
      valueSize: 8,
      maxEntries: 4,
    });
    expect(object.maps().map((m) => m.name)).toContain(".rodata");
    object.close();
  });

  test("a file that isn't there or isn't BPF is an error that names it", () => {
    expect(failure(() => openObject("/nowhere.o"))).toMatchObject({
      code: "ENOENT",
      op: "object_open",
      object: "/nowhere.o",
    });
    expect(failure(() => openObject("/etc/hostname"))).toMatchObject({
      op: "object_open",
      object: "/etc/hostname",
    });
    expect(failure(() => openObject(Buffer.from("\x7fELF"))).op).toBe("object_open");
  });
});

describe("configuring", () => {
  test("a variable set by name is what the program reads", () => {
    const object = openObject(fixture("packets"));
    object.setRodata(".rodata", "limits", u32(0, 5));
    object.setRodata(".data", "seed", u64(99n));
    object.load();
    object.program("count_packet").testRun({ data: Buffer.alloc(64) });
    expect(object.map(".bss").lookup(u32(0))?.readBigUInt64LE(0)).toBe(99n);
    const counts = object.map("counts").lookup(u32(0)) ?? Buffer.alloc(0);
    expect([...Array(counts.length / 8).keys()].some((i) => counts.readBigUInt64LE(i * 8) === 5n)).toBe(true);
    object.close();
  });

  test("an unknown variable, section or size is refused by name", () => {
    const object = openObject(fixture("packets"));
    expect(failure(() => object.setRodata(".rodata", "limit", u32(1)))).toMatchObject({
      code: "ENOENT",
      object: "limit",
    });
    expect(failure(() => object.setRodata(".rodata", "limits", u32(1))).message).toContain(
      "is 8 bytes, not 4",
    );
    expect(failure(() => object.setRodata(".bss", "seed", u32(1))).code).toBe("ENOENT");
    object.close();
  });

  test("a program switched off is not loaded, and the others are", () => {
    const object = openObject(fixture("refused"));
    object.setAutoload("unchecked", false);
    object.load();
    expect(object.program("good").verifiedInstructions).toBeGreaterThan(0);
    expect(failure(() => object.program("unchecked")).message).toContain("not loaded");
    object.close();
  });

  test("a map's size can be chosen until load, and not after", () => {
    const object = openObject(fixture("maps"));
    object.setMaxEntries("hash", 17);
    object.load();
    expect(object.map("hash").maxEntries).toBe(17);
    expect(failure(() => object.setMaxEntries("hash", 18))).toMatchObject({ code: "EBUSY" });
    expect(failure(() => object.load()).code).toBe("EBUSY");
    object.close();
  });

  test("names that the object doesn't have are named", () => {
    const object = openObject(fixture("maps"));
    expect(failure(() => object.setAutoload("nothing", true))).toMatchObject({
      code: "ENOENT",
      object: "nothing",
    });
    expect(failure(() => object.setMaxEntries("nothing", 1)).object).toBe("nothing");
    object.load();
    expect(failure(() => object.program("nothing")).object).toBe("nothing");
    expect(failure(() => object.map("nothing")).object).toBe("nothing");
    object.close();
  });
});

describe("loading", () => {
  test("a refused program is an error with its name and the verifier's log, and nothing of the object stays", async () => {
    const good = () =>
      listPrograms()
        .filter((p) => p.name === "good")
        .map((p) => p.id);
    const before = new Set(good());
    const object = openObject(fixture("refused"));
    const error = failure(() => object.load());
    expect(error).toMatchObject({ code: "EACCES", op: "prog_load", object: "unchecked" });
    expect(error.verifierLog).toContain("invalid mem access");
    expect(error.message).not.toContain("BEGIN PROG LOAD LOG");
    object.close();
    await eventually("its other program is gone", () => good().every((id) => before.has(id)));
  });

  test("a log level brings the verifier's log of a good program", () => {
    const object = openObject(fixture("packets"));
    expect(object.load({ logLevel: 1 })).toContain("processed");
    object.close();
  });

  test("programs and maps outlive the object they came from", async () => {
    const object = openObject(fixture("packets"));
    object.load();
    const program = object.program("count_frame");
    const counts = object.map("counts");
    object.close();
    expect(program.testRun({ data: Buffer.alloc(64) }).retval).toBe(2);
    expect(counts.lookup(u32(3))).toBeDefined();
    expect(program).toMatchObject({ name: "count_frame", type: "xdp" });
    program.close();
    counts.close();
    // The kernel frees what nobody holds after a grace period.
    await eventually("the program is gone", () => !listPrograms().some((p) => p.id === program.id));
    await eventually("the map is gone", () => !listMaps().some((m) => m.id === counts.id));
  });
});

describe("pinned maps", () => {
  const path = `${bed.pins()}/deep/er/hash`;

  test("a map pinned at load is the same map for the next object", () => {
    const first = openObject(fixture("maps"));
    first.pinMap("hash", path);
    first.load();
    first.map("hash").update(u32(1), u64(2n, 3n));
    first.close();
    const second = openObject(fixture("maps"));
    second.pinMap("hash", path);
    second.load();
    expect(second.map("hash").lookup(u32(1))).toEqual(u64(2n, 3n));
    expect(openPinnedMap(path).id).toBe(second.map("hash").id);
    second.close();
  });

  test("one with another layout is refused, naming both", () => {
    const object = openObject(fixture("maps"));
    object.setMaxEntries("hash", 99);
    object.pinMap("hash", path);
    const error = failure(() => object.load());
    expect(error).toMatchObject({ code: "EEXIST", op: "map_reuse", object: path });
    expect(error.message).toMatch(/4096 entries.*99 entries/);
    object.close();
  });

  test("a path outside a bpffs is refused with the reason", () => {
    const object = openObject(fixture("maps"));
    expect(failure(() => object.pinMap("hash", "/tmp/nt-not-a-bpffs/x")).message).toContain("not on a bpffs");
    object.close();
  });
});

describe("types", () => {
  test("the running kernel's drop reasons are an enumeration with names", () => {
    const kernel = BtfView.vmlinux();
    const reasons = kernel.enumValues("skb_drop_reason");
    expect(reasons?.find((r) => r.name === "SKB_DROP_REASON_NO_SOCKET")?.value).toBeGreaterThan(0n);
    expect(kernel.enumValues("no_such_enum")).toBeUndefined();
    kernel.close();
  });

  test("members inside anonymous unions have offsets from the start of the struct", () => {
    const kernel = BtfView.vmlinux();
    const members = kernel.struct("sock_common")?.members ?? [];
    expect(members.find((m) => m.name === "skc_dport")).toMatchObject({
      offset: 12,
      size: 2,
      type: "__be16",
    });
    expect(kernel.hasFunction("tcp_v4_rcv")).toBe(true);
    expect(kernel.hasFunction("tcp_v4_rcvv")).toBe(false);
    expect(kernel.functionParameters("tcp_v4_rcv")?.[0]).toMatchObject({
      type: { kind: "ptr", to: "struct sk_buff" },
    });
    kernel.close();
  });

  test("an object's structs, enumerations and variables are there with resolved types", () => {
    const object = openObject(fixture("packets"));
    const types = BtfView.object(object).typeJson();
    object.close();
    expect(types.structs.limits).toMatchObject({
      kind: "struct",
      size: 8,
      members: [
        {
          name: "mark",
          offset: 0,
          size: 4,
          type: { kind: "int", size: 4, signed: false, typedefs: ["__u32"] },
        },
        { name: "step", offset: 4 },
      ],
    });
    expect(types.sections[".rodata"]?.variables.map((v) => v.name)).toContain("limits");
    expect(types.sections[".data"]?.variables[0]).toMatchObject({ name: "seed", size: 8, type: { size: 8 } });
  });

  test("the same types come from the file", () => {
    const view = BtfView.file(fixture("maps"));
    expect(view.struct("pair")).toMatchObject({
      size: 16,
      members: [{ name: "first" }, { offset: 8 }, { offset: 12 }],
    });
    expect(failure(() => BtfView.file("/nowhere"))).toMatchObject({ code: "ENOENT", op: "btf_open" });
    view.close();
  });
});
