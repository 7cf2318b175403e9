/** Secrets that we hand out once and keep only as a hash: personal tokens, enrolment tokens, passwords. */
import { createHash, randomBytes, randomInt } from "node:crypto";

export const PERSONAL_TOKEN = "mrt_";
export const ENROL_TOKEN = "mre_";

/** 256 random bits behind a prefix that says what it opens, so that a leaked one can be recognised. */
export const newSecret = (prefix: string): string => prefix + randomBytes(32).toString("base64url");

/** 256 bits of randomness need no salt and no slow hash. */
export const hashSecret = (secret: string): string => createHash("sha256").update(secret).digest("hex");

/** No letters or digits that are mistaken for others: people copy it by hand. */
const ALPHABET = "abcdefghjkmnpqrstuvwxyzACDEFGHJKLMNPQRTUVWXY34679";
export const newPassword = (): string =>
  Array.from({ length: 4 }, () =>
    Array.from({ length: 5 }, () => ALPHABET[randomInt(ALPHABET.length)]).join(""),
  ).join("-");
