/** One way from a client to a server that is measured. */
export type Variant = {
  readonly name: string;
  readonly what: string;
  /** Paths of the ends' namespaces, whose device is eth0. */
  readonly client: string;
  readonly server: string;
  /** The server's own, and where the client finds it, when that is another. */
  readonly address: string;
  readonly virtual?: string;
  /** Ends what isn't a namespace. */
  end?(): void;
};
