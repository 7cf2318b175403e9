// Unicast routes: added, replaced, removed, listed. A protocol number of one's own tells one's routes from others'.
import * as args from "./args.ts";
import { binding } from "./binding.ts";
import * as net from "./net-args.ts";

export interface RouteSettings {
  netns?: string;
  /** A prefix; the default routes are `0.0.0.0/0` and `::/0`. */
  destination: string;
  /** An IPv4 destination may have an IPv6 gateway. */
  via?: string;
  ifindex?: number;
  /** The gateway is behind the interface although no address of it says so. */
  onlink?: boolean;
  /** rtnetlink's: 0 global (the default with a gateway), 253 link (without), 254 host. IPv6 has none. */
  scope?: number;
  /** The address this host's own packets leave with. */
  source?: string;
  /** Locked: path MTU discovery doesn't change it. */
  mtu?: number;
  /** By default main, 254. */
  table?: number;
  /** Who made it, rtnetlink's RTPROT_*; by default 4, static. */
  protocol?: number;
}

/** What has to fit for a route to be removed; what isn't given fits any, but for the table. */
export type RouteTarget = Omit<RouteSettings, "onlink" | "mtu">;

export interface Route {
  destination: string;
  /** Absent, like ifindex, for a route with several gateways. */
  via?: string;
  ifindex?: number;
  onlink: boolean;
  scope: number;
  source?: string;
  mtu?: number;
  table: number;
  protocol: number;
}

const SCOPE_GLOBAL = 0;
const SCOPE_LINK = 253;
const PROTOCOL_STATIC = 4;
const TARGET = ["netns", "destination", "via", "ifindex", "scope", "source", "table", "protocol"];

/** EEXIST when there is a route to this prefix in this table. */
export function addRoute(route: RouteSettings): void {
  binding.addRoute(checkSettings(route, "addRoute"));
}

/** In the place of the one to the same prefix in the same table, if there is one. */
export function replaceRoute(route: RouteSettings): void {
  binding.replaceRoute(checkSettings(route, "replaceRoute"));
}

/** The first that fits; ESRCH when none does. */
export function deleteRoute(route: RouteTarget): void {
  args.required(route, "deleteRoute", TARGET);
  binding.deleteRoute(check(route, "deleteRoute"));
}

/** Both families, all tables, unicast only; with `protocol` only those that say they are its. */
export function listRoutes(opts?: { netns?: string; protocol?: number }): Route[] {
  const given = args.options(opts, "listRoutes", ["netns", "protocol"]);
  return binding.listRoutes(
    args.optionalText(given.netns, "listRoutes netns"),
    net.optional(net.range(1, 255), given.protocol, "listRoutes protocol") ?? 0,
  ) as Route[];
}

function checkSettings(route: RouteSettings, where: string): object {
  args.required(route, where, [...TARGET, "onlink", "mtu"]);
  return {
    ...check(
      {
        ...route,
        scope: route.scope ?? (route.via === undefined ? SCOPE_LINK : SCOPE_GLOBAL),
        protocol: route.protocol ?? PROTOCOL_STATIC,
      },
      where,
    ),
    onlink: net.optional(args.boolean, route.onlink, `${where} onlink`),
    mtu: net.optional(net.range(68, 0xffff_ffff), route.mtu, `${where} mtu`),
  };
}

function check(route: RouteTarget, where: string): object {
  const { address, length } = net.prefix(route.destination, `${where} destination`);
  return {
    netns: args.optionalText(route.netns, `${where} netns`),
    destination: address,
    prefix: length,
    via: net.optional(net.address, route.via, `${where} via`),
    ifindex: net.optional(net.ifindex, route.ifindex, `${where} ifindex`),
    scope: net.optional(net.range(0, 255), route.scope, `${where} scope`),
    source: net.optional(net.address, route.source, `${where} source`),
    table: net.optional(net.range(1, 0xffff_ffff), route.table, `${where} table`),
    protocol: net.optional(net.range(1, 255), route.protocol, `${where} protocol`),
  };
}
