// Turns a structured log line into one that people read: level, message, then what else it carries. A
// line that is no JSON log record stays as it is.

const levels = { 10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal" };
const hidden = new Set(["level", "time", "pid", "hostname", "msg", "name", "v"]);

/** @param {string} text */
export function readableLine(text) {
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
