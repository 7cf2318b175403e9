// The package's public face, and nothing else: what other packages may use of it, by name. Everything not listed here
// (the addon itself, argument checks) is this package's own.
export {
  type AddressSettings,
  type AddressTarget,
  addAddress,
  deleteAddress,
  type Neighbour,
  type NeighbourSettings,
  neighbours,
  setNeighbour,
} from "./address-config.ts";
export type { Attach, PerfEvent } from "./attach.ts";
export type {
  LinkInfo,
  MapChunk,
  MapContents,
  MapSummary,
  RingStats,
  TestRunResult,
  TunCounts,
} from "./binding.ts";
export {
  type BtfEnum,
  type BtfEnumValue,
  type BtfMember,
  type BtfStruct,
  type BtfType,
  type BtfTypes,
  type BtfVariable,
  BtfView,
} from "./btf.ts";
export { CONNTRACK_RECORD, ConntrackWatch } from "./conntrack.ts";
export { BpfError, type BpfErrorFields } from "./errors.ts";
export {
  clock,
  FEATURES,
  type Feature,
  holdDirectory,
  isSupported,
  libbpfVersion,
  listLinks,
  listMaps,
  listPrograms,
  mountBpffs,
  rcuBarrier,
  runStats,
} from "./kernel.ts";
export { BpfLink, openPinnedLink } from "./link.ts";
export {
  createNetkitPair,
  createVethPair,
  deleteLink,
  type LinkSettings,
  type LinkTarget,
  type NetkitPair,
  type PairEnd,
  type PairIndexes,
  setLink,
  type VethPair,
} from "./link-config.ts";
export { BpfMap, openPinnedMap, type UpdateMode } from "./map.ts";
export {
  type InterfaceAddress,
  links,
  type NetworkLink,
  netnsCookie,
  netnsId,
  netnsNumber,
} from "./netlink.ts";
export { BpfObject, openObject } from "./object.ts";
export { BpfProgram, openPinnedProgram, type RunCounters, type TestRunOptions } from "./program.ts";
export { type RingLoss, RingReader, type RingReaderOptions } from "./ring-reader.ts";
export {
  addRoute,
  deleteRoute,
  listRoutes,
  type Route,
  type RouteSettings,
  type RouteTarget,
  replaceRoute,
} from "./route.ts";
export { type Offload, readSetting, setOffload, writeSetting } from "./settings.ts";
export { TunDevice, type TunOptions, VNET_HEADER_BYTES } from "./tun.ts";
export {
  type LinkEvent,
  type ProcessEvent,
  type Watch,
  watchLinks,
  watchLinksEverywhere,
  watchProcesses,
} from "./watch.ts";
