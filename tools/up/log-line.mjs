// Turns a structured log line into one that people read: level, message, then what else it carries. A
// line that is no JSON log record stays as it is.

const levels = { 10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal" };
const hidden = new Set(["level", "time", "pid", "hostname", "msg", "name", "v"]);

/** What a container calls itself must not move the cursor of who reads of it, or name his window. Colours are dropped;
 *  what is told of a failed build keeps its lines and tabs. @param {string} text */
const harmless = (text) =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    .replace(/\x1b\[[\d;]*m/g, "")
    .replace(/[^\P{Cc}\n\t]/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);

/** @param {string} text */
export const readableLine = (text) => harmless(lineOf(text));

/** @param {string} text */
function lineOf(text) {
  if (!text.startsWith("{")) return text;
  let record;
  try {
    record = JSON.parse(text);
  } catch {
    return text;
  }
  if (typeof record !== "object" || record === null || typeof record.msg !== "string") return text;
  const level = levels[record.level] ?? String(record.level ?? "info");
  const shown = level === "info" ? "" : `${level}: `;
  const rest = Object.entries(record).filter(([key]) => !hidden.has(key));
  return [`${shown}${record.msg}`, ...rest.map(([key, value]) => `${key}=${shortValue(value)}`)].join(" ");
}

function shortValue(value) {
  if (typeof value === "string") return /[\s"=]/.test(value) ? JSON.stringify(value) : value;
  return JSON.stringify(value);
}
