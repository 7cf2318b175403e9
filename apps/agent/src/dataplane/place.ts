/** Where hooks are. */

/** An interface: its namespace by cookie, and its index there. */
export type InterfacePlace = { cookie: bigint; ifindex: number };
export type EndpointPlace = InterfacePlace & {
  /** The host's end of its link, where Millrace is what carries its packets; else its own interface is watched. */
  port?: InterfacePlace | undefined;
};
/** With whose it is. */
export type HeldPlace = EndpointPlace & { endpointId: number };
export type AttachPoint = HeldPlace & {
  /** A path to the namespace of what is hooked, good at the time of the call. */
  netns: string;
};
/** Hooks that were taken off and are on again, by name; and those that can't be put on, each with the reason. */
export type MendedHooks = { mended: string[]; off: string[] };
