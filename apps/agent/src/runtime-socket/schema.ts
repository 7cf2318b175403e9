/**
 * As much of the runtimes' published schemas as is asked for: Kubernetes' CRI (api.proto, runtime.v1) and
 * containerd's namespaces and containers. Fields that aren't named here are skipped.
 */
import protobuf from "protobufjs";

/** Every field is there when decoded: what wasn't sent is empty, or null for a message. */
export type Message<T> = { encode: (value: T) => Uint8Array; decode: (bytes: Uint8Array) => T };

/** The messages of a schema (proto3) by name. */
export function messagesOf(schema: string): <T extends object>(name: string) => Message<T> {
  const { root } = protobuf.parse(`syntax = "proto3";${schema}`);
  return <T extends object>(name: string): Message<T> => {
    const type = root.lookupType(name);
    return {
      encode: (value) => type.encode(type.fromObject(value)).finish(),
      decode: (bytes) =>
        type.toObject(type.decode(bytes), { defaults: true, arrays: true, objects: true }) as T,
    };
  };
}

const message = messagesOf(`
message PodSandboxMetadata { string name = 1; string namespace = 3; }
message PodSandbox { string id = 1; PodSandboxMetadata metadata = 2; map<string, string> labels = 5; }
message PodSandboxes { repeated PodSandbox items = 1; }

message ContainerMetadata { string name = 1; }
message ImageSpec { string image = 1; }
message CriContainer {
  string id = 1;
  string pod_sandbox_id = 2;
  ContainerMetadata metadata = 3;
  ImageSpec image = 4;
  map<string, string> labels = 8;
}
message CriContainers { repeated CriContainer containers = 1; }

message Namespace { string name = 1; }
message Namespaces { repeated Namespace namespaces = 1; }
message Filters { repeated string filters = 1; }
message Container { string id = 1; map<string, string> labels = 2; string image = 3; }
message Containers { repeated Container containers = 1; }
`);

export type Labels = Record<string, string>;
export type PodSandbox = {
  id: string;
  metadata: { name: string; namespace: string } | null;
  labels: Labels;
};
export type CriContainer = {
  id: string;
  podSandboxId: string;
  metadata: { name: string } | null;
  image: { image: string } | null;
  labels: Labels;
};
export type Container = { id: string; labels: Labels; image: string };

export const PodSandboxes = message<{ items: PodSandbox[] }>("PodSandboxes");
export const CriContainers = message<{ containers: CriContainer[] }>("CriContainers");
export const Namespaces = message<{ namespaces: { name: string }[] }>("Namespaces");
export const Filters = message<{ filters: string[] }>("Filters");
export const Containers = message<{ containers: Container[] }>("Containers");
