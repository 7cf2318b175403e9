/** What a judgement says, and which protocols have ports. How it is come to: judge.ts (plainly), compile.ts (for the kernel). */

export type Judgement = {
  verdict: "forward" | "drop";
  /** A policy in observe mode would have dropped it; rule and revision are that policy's. Only with "forward". */
  wouldDrop: boolean;
  /** Policy number and place, see ruleNumber. Place 0: nothing allowed it. 0: no policy said anything. */
  rule: number;
  /** Of the rule's policy; 0 where the rule is 0. */
  revision: number;
};

export const FORWARDED_BY_NOTHING: Judgement = { verdict: "forward", wouldDrop: false, rule: 0, revision: 0 };

export const TCP = 6;
export const UDP = 17;
export const SCTP = 132;
export const PROTOCOLS_WITH_PORTS: readonly number[] = [TCP, UDP, SCTP];
export const hasPorts = (protocol: number): boolean => PROTOCOLS_WITH_PORTS.includes(protocol);
export const LAST_PORT = 0xffff;
