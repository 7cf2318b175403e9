/** Runs the program that tells what flows were asked for, as many keys at a time as it takes. */
import { FLOW_KEY_SIZE, FLOW_RETIRE_BATCH_SIZE, FlowLimit } from "@millrace/abi/generated/flow";
import {
  encodeServiceFlowRequest,
  SERVICE_FLOW_REQUEST_SIZE,
  SERVICE_KEY_SIZE,
} from "@millrace/abi/generated/service";
import type { BpfMap, BpfProgram } from "@millrace/native/native";
import { u32 } from "./trace-object.ts";

const PROGRAM = "service_flows_find";

export type ServiceFlowsOptions = {
  map: (name: string) => BpfMap;
  program: (name: string) => BpfProgram;
  can: (name: string) => boolean;
};

export class ServiceFlows {
  readonly #o: ServiceFlowsOptions;
  readonly #batch = new Uint8Array(FLOW_RETIRE_BATCH_SIZE);
  #answers = new Uint8Array(FlowLimit.RETIRE_BATCH * SERVICE_KEY_SIZE);

  constructor(options: ServiceFlowsOptions) {
    this.#o = options;
  }

  /** A service_key for each flow, port 0 where nothing is noted. Valid until the next call. */
  find(keys: Uint8Array, count: number): Uint8Array {
    if (!this.#o.can(PROGRAM)) return new Uint8Array(count * SERVICE_KEY_SIZE);
    if (count * SERVICE_KEY_SIZE > this.#answers.length)
      this.#answers = new Uint8Array(count * SERVICE_KEY_SIZE);
    const ctx = new Uint8Array(SERVICE_FLOW_REQUEST_SIZE);
    for (let at = 0; at < count; at += FlowLimit.RETIRE_BATCH) {
      const some = Math.min(FlowLimit.RETIRE_BATCH, count - at);
      this.#batch.set(keys.subarray(at * FLOW_KEY_SIZE, (at + some) * FLOW_KEY_SIZE));
      this.#o.map("retire_batch").update(u32(0), this.#batch);
      encodeServiceFlowRequest({ count: some }, new DataView(ctx.buffer));
      const { retval: noted } = this.#o.program(PROGRAM).testRun({ ctx });
      const to = this.#answers.subarray(at * SERVICE_KEY_SIZE, (at + some) * SERVICE_KEY_SIZE);
      if (noted === 0) to.fill(0);
      else to.set(this.#o.map("service_answers").lookup(u32(0))?.subarray(0, to.length) ?? []);
    }
    return this.#answers.subarray(0, count * SERVICE_KEY_SIZE);
  }
}
