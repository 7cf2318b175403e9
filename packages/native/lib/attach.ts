// The places a program can be attached to, and the check of a description of one. Attaching is program.ts's part.
import * as args from "./args.ts";

const MAX_U32 = 0xffffffff;

export type PerfEvent =
  | { type: "kprobe"; function: string; offset?: number; retprobe?: boolean }
  | { type: "uprobe"; path: string; offset: number; pid?: number; retprobe?: boolean; refCtrOffset?: number }
  | { type: "tracepoint"; category: string; name: string };

export type Attach =
  | {
      kind: "tcx";
      ifindex: number;
      direction: "ingress" | "egress";
      /** The namespace the device is in, e.g. /proc/123/ns/net. */
      netns?: string;
      position?: "first" | "last";
    }
  /**
   * What one end of a netkit pair sends, both asked for by the index of the primary end. `info()` tells the index of the
   * end that sends, in its own namespace. since: 6.7
   */
  | {
      kind: "netkit";
      ifindex: number;
      end: "primary" | "peer";
      netns?: string;
      position?: "first" | "last";
    }
  /**
   * A filter of classic tc, for kernels without tcx: it runs first, and stays with the device when the process dies
   * unpinned; with `pin` it is pinned before there is a packet. One of the same handle there is replaced; filters whose handles have the same upper half are one owner's.
   */
  | {
      kind: "tc";
      ifindex: number;
      direction: "ingress" | "egress";
      netns?: string;
      handle: number;
      pin?: string;
    }
  | { kind: "xdp"; ifindex: number; netns?: string; flags?: number }
  /** The hook is the program's expected attach type; `attachType` for programs opened from a pin, which have lost it. */
  | { kind: "cgroup"; path: string; multi?: boolean; attachType?: number }
  /** tp_btf, fentry, fexit, lsm, iterators: the target is in the program. */
  | { kind: "tracing"; cookie?: bigint }
  | { kind: "raw_tracepoint"; name: string }
  | { kind: "perf"; event: PerfEvent; cookie?: bigint };

type Check = (attach: Record<string, unknown>, where: string) => void;

const CHECKS: Record<Attach["kind"], { keys: string[]; check: Check }> = {
  tcx: {
    keys: ["ifindex", "direction", "netns", "position"],
    check: (a, where) => {
      side(a, where);
      position(a, where);
    },
  },
  netkit: {
    keys: ["ifindex", "end", "netns", "position"],
    check: (a, where) => {
      device(a, where);
      args.oneOf(a.end, `${where} end`, ["primary", "peer"]);
      position(a, where);
    },
  },
  tc: {
    keys: ["ifindex", "direction", "netns", "handle", "pin"],
    check: (a, where) => {
      side(a, where);
      args.optionalText(a.pin, `${where} pin`);
      args.integer(a.handle, `${where} handle`, 1, MAX_U32);
    },
  },
  xdp: {
    keys: ["ifindex", "netns", "flags"],
    check: (a, where) => {
      device(a, where);
      if (a.flags !== undefined) args.integer(a.flags, `${where} flags`, 0, MAX_U32);
    },
  },
  cgroup: {
    keys: ["path", "multi", "attachType"],
    check: (a, where) => {
      args.text(a.path, `${where} path`);
      // A cgroup link is always one of several; there is no link that shuts others out.
      if (a.multi === false) throw new RangeError(`${where} multi: a link can't be exclusive`);
      if (a.attachType !== undefined) args.integer(a.attachType, `${where} attachType`, 0, MAX_U32);
    },
  },
  tracing: { keys: ["cookie"], check: cookie },
  raw_tracepoint: { keys: ["name"], check: (a, where) => void args.text(a.name, `${where} name`) },
  perf: {
    keys: ["event", "cookie"],
    check: (a, where) => {
      cookie(a, where);
      perfEvent(
        args.options(a.event as Record<string, unknown>, `${where} event`, PERF_KEYS),
        `${where} event`,
      );
    },
  },
};

const PERF_KEYS = [
  "type",
  "function",
  "path",
  "offset",
  "pid",
  "retprobe",
  "refCtrOffset",
  "category",
  "name",
];

function device(a: Record<string, unknown>, where: string): void {
  args.integer(a.ifindex, `${where} ifindex`, 1, MAX_U32);
  args.optionalText(a.netns, `${where} netns`);
}

function side(a: Record<string, unknown>, where: string): void {
  device(a, where);
  args.oneOf(a.direction, `${where} direction`, ["ingress", "egress"]);
}

/** In the chain. */
function position(a: Record<string, unknown>, where: string): void {
  if (a.position !== undefined) args.oneOf(a.position, `${where} position`, ["first", "last"]);
}

function cookie(a: Record<string, unknown>, where: string): void {
  if (a.cookie !== undefined && typeof a.cookie !== "bigint")
    throw new TypeError(`${where} cookie: expected a bigint`);
}

function perfEvent(event: Record<string, unknown>, where: string): void {
  const type = args.oneOf(event.type, `${where} type`, ["kprobe", "uprobe", "tracepoint"]);
  if (type === "tracepoint") {
    args.text(event.category, `${where} category`);
    args.text(event.name, `${where} name`);
    return;
  }
  args.text(
    type === "kprobe" ? event.function : event.path,
    `${where} ${type === "kprobe" ? "function" : "path"}`,
  );
  args.integer(
    event.offset ?? (type === "kprobe" ? 0 : undefined),
    `${where} offset`,
    0,
    Number.MAX_SAFE_INTEGER,
  );
  args.integer(event.pid ?? -1, `${where} pid`, -1, MAX_U32);
  args.boolean(event.retprobe ?? false, `${where} retprobe`);
  args.integer(event.refCtrOffset ?? 0, `${where} refCtrOffset`, 0, MAX_U32);
}

/** Throws for what isn't a complete description. */
export function checkAttach(attach: Attach, where: string): void {
  const kind = args.oneOf(attach?.kind, `${where} kind`, Object.keys(CHECKS) as Attach["kind"][]);
  const { keys, check } = CHECKS[kind];
  check(args.options(attach, where, ["kind", ...keys]) as Record<string, unknown>, where);
}
