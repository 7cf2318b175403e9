// The one error class of this package: what failed, on which kernel object, with which errno. The addon constructs it
// too (setErrorClass in binding.ts). Wrong arguments are TypeError or RangeError and not this.

export interface BpfErrorFields {
  /** errno's name, such as `EPERM`; `ECLOSED` when the handle was closed. */
  code: string;
  /** What was attempted, such as `prog_load`. */
  op: string;
  /** What it was attempted on: a program, a map, a path. */
  object: string;
  /** What the verifier said, when it refused a program. */
  verifierLog?: string;
}

export class BpfError extends Error {
  readonly code: string;
  readonly op: string;
  readonly object: string;
  readonly verifierLog?: string;

  constructor(message: string, fields: BpfErrorFields) {
    super(message);
    this.name = "BpfError";
    this.code = fields.code;
    this.op = fields.op;
    this.object = fields.object;
    if (fields.verifierLog !== undefined) this.verifierLog = fields.verifierLog;
  }
}
