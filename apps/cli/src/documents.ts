/** `millrace apply`, `get` and `delete`: what is declared, from manifests and back. The server checks and changes; here it is printed. */
import {
  API_VERSIONS,
  DOCUMENT_KINDS,
  type DocumentKind,
  type DocumentName,
  documentText,
} from "@millrace/contract/document";
import { type Manifest, type ManifestProblem, readManifests } from "@millrace/policy/manifest";
import { manifestText } from "@millrace/policy/manifest-text";
import { Command, Option } from "commander";
import { type Client, connect } from "./client.ts";
import { documentTable, policyTable, serviceTable } from "./documents-format.ts";
import { UsageError } from "./failure.ts";
import { readSources } from "./manifest.ts";
import { plain } from "./terminal.ts";

const FILES = ["-f, --filename <file...>", "files, directories, or - for standard input"] as const;
const NAMESPACE = ["-n, --namespace <name>", "namespace"] as const;
const DEFAULT_NAMESPACE = "default";

export function applyCommand(): Command {
  return new Command("apply")
    .description("create or change policies, services and namespaces as manifests say: all or none")
    .requiredOption(...FILES)
    .option("--dry-run", "say what would be done, and what is wrong")
    .action(async ({ filename, dryRun }: { filename: string[]; dryRun?: boolean }, self: Command) => {
      const manifests = manifestsIn(filename);
      const documents = manifests.map(({ document }) => document);
      const client = connect(self).documents;
      const answer = dryRun
        ? await client.check.query({ documents })
        : await client.applyAll.mutate({ documents });
      if (!answer.ok)
        refuse(answer.problems.map((problem) => placed(manifests[problem.document] as Manifest, problem)));
      for (const document of answer.documents)
        say(`${documentText(document)} ${document.what}${dryRun ? " (dry run)" : ""}`);
    });
}

export function deleteCommand(): Command {
  return new Command("delete")
    .description("remove what manifests name, or one by its kind and name")
    .argument("[kind]", kindsText())
    .argument("[name]", "name, or namespace/name")
    .option(...FILES)
    .option(...NAMESPACE)
    .action(
      async (
        kind: string | undefined,
        name: string | undefined,
        options: { filename?: string[]; namespace?: string },
        self: Command,
      ) => {
        const documents = namesToDelete(kind, name, options);
        const answer = await connect(self).documents.delete.mutate({ documents });
        for (const document of answer.documents)
          say(`${documentText(document)} ${document.what === "absent" ? "was not there" : "deleted"}`);
      },
    );
}

export function getCommand(): Command {
  return new Command("get")
    .description("what is declared: a list of a kind, or one by its name")
    .argument("<kind>", kindsText())
    .argument("[name]", "name, or namespace/name")
    .option("-n, --namespace <name>", `namespace (of a list: all; of a name: ${DEFAULT_NAMESPACE})`)
    .addOption(
      new Option("-o, --output <format>", "output").choices(["table", "json", "yaml"]).default("table"),
    )
    .action(
      async (
        word: string,
        name: string | undefined,
        { namespace, output }: { namespace?: string; output: string },
        self: Command,
      ) => {
        const client = connect(self);
        const kind = kindOf(word);
        const only = name === undefined ? undefined : nameOf(kind, name, namespace);
        if (output === "table") return printTable(client, kind, only ?? { namespace });
        const found = only
          ? [only]
          : await client.documents.list.query({ kind, namespace: namespace ?? null });
        const documents = [];
        for (const one of found) documents.push((await whole(client, one)).document);
        if (output === "json") process.stdout.write(`${JSON.stringify(only ? documents[0] : documents)}\n`);
        else process.stdout.write(documents.map((document) => manifestText(document)).join("---\n"));
      },
    );
}

/** Of policies and services what they come to stands beside what was declared. */
async function printTable(client: Client, kind: DocumentKind, only: Only): Promise<void> {
  const those = <Row extends DocumentName>(rows: readonly Row[]): Row[] =>
    rows.filter((row) => isOf(row, kind, only));
  const { name } = only;
  if (name !== undefined) await whole(client, { kind, namespace: only.namespace ?? "", name }); // or says that it isn't there
  if (kind === "Service") process.stdout.write(serviceTable(those(await client.services.list.query())));
  else if (kind === "Policy" || kind === "NetworkPolicy")
    process.stdout.write(policyTable(those(await client.policies.list.query())));
  else process.stdout.write(documentTable(those(await client.documents.list.query({ kind }))));
}
type Only = { namespace?: string | undefined; name?: string };
const isOf = (row: DocumentName, kind: DocumentKind, { namespace, name }: Only): boolean =>
  row.kind === kind &&
  (namespace === undefined || row.namespace === namespace) &&
  (name === undefined || row.name === name);

const whole = (client: Client, { kind, namespace, name }: DocumentName) =>
  client.documents.get.query({ kind, namespace, name });
const say = (line: string): void => void process.stdout.write(`${plain(line)}\n`);

// ---- manifests ----

function manifestsIn(files: readonly string[]): Manifest[] {
  const { manifests, problems } = readManifests(readSources(files));
  if (problems.length > 0) refuse(problems);
  if (manifests.length === 0) throw new UsageError(`${files.join(", ")}: no document in it`);
  return manifests;
}

const placed = (
  manifest: Manifest,
  { path, message }: { path: string; message: string },
): ManifestProblem => ({
  file: manifest.file,
  line: manifest.lineOf(path),
  message: path === "" ? message : `${path}: ${message}`,
});

/** All problems, each where an editor would go to, and then the end. */
function refuse(problems: readonly ManifestProblem[]): never {
  for (const { file, line, message } of problems)
    process.stderr.write(`${plain(`${file}:${line}: ${message}`)}\n`);
  throw new UsageError(
    `nothing was done: ${problems.length === 1 ? "1 problem" : `${problems.length} problems`}`,
  );
}

function namesToDelete(
  kind: string | undefined,
  name: string | undefined,
  { filename, namespace }: { filename?: string[]; namespace?: string },
): DocumentName[] {
  if (filename && !kind) return manifestsIn(filename).map(nameIn);
  if (filename || !kind || !name) throw new UsageError("give either -f or a kind and a name");
  return [nameOf(kindOf(kind), name, namespace)];
}

/** Of a manifest only its name counts here. */
function nameIn(manifest: Manifest): DocumentName {
  const { kind, metadata } = manifest.document;
  const { name, namespace } = (metadata ?? {}) as { name?: unknown; namespace?: unknown };
  const known = DOCUMENT_KINDS.find((one) => one === kind);
  if (!known)
    return refuse([placed(manifest, { path: "kind", message: `must be ${DOCUMENT_KINDS.join(", ")}` })]);
  if (typeof name !== "string" || name === "")
    return refuse([placed(manifest, { path: "metadata.name", message: "is missing" })]);
  return nameOf(known, name, typeof namespace === "string" ? namespace : undefined);
}

// ---- kinds and names ----

/** As people call them, in small letters; plurals besides. */
const SHORT: Record<string, DocumentKind> = { ns: "Namespace", netpol: "NetworkPolicy", svc: "Service" };

function kindOf(word: string): DocumentKind {
  const small = word.toLowerCase();
  const names = (kind: string) =>
    [kind, `${kind}s`, kind.replace(/y$/, "ies")].map((one) => one.toLowerCase());
  const kind = SHORT[small] ?? DOCUMENT_KINDS.find((one) => names(one).includes(small));
  if (!kind) throw new UsageError(`“${word}” is no kind: ${kindsText()}`);
  return kind;
}
const kindsText = (): string =>
  `${Object.keys(API_VERSIONS).join(", ")}; also ${Object.keys(SHORT).join(", ")}`;

function nameOf(kind: DocumentKind, text: string, namespace: string | undefined): DocumentName {
  const [first = "", second, ...rest] = text.split("/");
  if (rest.length > 0 || (second !== undefined && namespace !== undefined && namespace !== first))
    throw new UsageError(`“${text}” is no name, or not one of namespace ${namespace}`);
  if (kind === "Namespace") return { kind, namespace: "", name: text };
  return {
    kind,
    namespace: second === undefined ? (namespace ?? DEFAULT_NAMESPACE) : first,
    name: second ?? first,
  };
}
