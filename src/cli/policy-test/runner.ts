import { AppError } from '../../api/errors.ts';
import type { KubeObject, StringMap } from '../../api/kubernetes.ts';
import { didYouMean } from '../../api/plain-text.ts';
import type { PlatformDefaults } from '../../api/platform-defaults.ts';
import { dnsLabel } from '../../defaults/validation/names.ts';
import { explanationLines } from '../../explanation/print.ts';
import { policyOf, readSettings, type Settings } from '../../settings/config.ts';
import { settings as definitions } from '../../settings/definitions.ts';
import { type ClusterDescription, clusterOf, givenFacts, labelViolation } from '../described-cluster.ts';
import type { SourcedObject } from '../documents.ts';
import { validDefaultsIn } from '../given-defaults.ts';
import { unmatchedBy } from '../identity.ts';
import { type PreviewedDocument, preview } from '../preview/session.ts';
import { failuresOf } from './expectation.ts';
import { objectsNamed } from './files.ts';
import type { Given, PolicyTest } from './schema.ts';
import { type Snapshot, snapshotFailures, snapshotOf } from './snapshot.ts';

/** A test with all that it names read. */
export interface PreparedTest {
  readonly file: string;
  readonly test: PolicyTest;
  readonly cluster: ClusterDescription;
  readonly stored: readonly KubeObject[];
  readonly applied: readonly SourcedObject[];
}

/** What came of a test. */
export interface TestResult {
  readonly file: string;
  readonly name: string;
  /** What is not as it should be; none where it passed. */
  readonly failures: readonly string[];
  /** Those that were given and about which the test says nothing. */
  readonly warnings: readonly string[];
  /** Of one that failed: what became of every default. */
  readonly explanation: readonly string[];
  /** What a snapshot of it holds; undefined where it asks for none. */
  readonly snapshot: Snapshot | undefined;
  readonly seconds: number;
}

/** Reads what a test names. Throws AppError('InvalidInput') for what cannot be used. */
export const prepare = (file: string, test: PolicyTest): PreparedTest => {
  const { given = {}, when } = test;
  const { object, objects = [] } = when;
  const named = object === undefined ? objects : [object, ...objects];
  if (named.length === 0) throw mistake(file, test, 'when: give object or objects');
  refuseNamespaces(file, test);
  const applied = objectsNamed(named, file);
  const old = when.old === undefined ? [] : objectsNamed([when.old], file);
  const unmatched = unmatchedBy(applied.map(objectOf), old.map(objectOf), when.namespace ?? 'default');
  if (unmatched !== undefined) throw mistake(file, test, `when.old: ${unmatched}`);
  return { file, test, cluster: clusterFor(given, file), stored: storedFor(given, test, file, old), applied };
};

const objectOf = ({ object }: SourcedObject): KubeObject => object;

const mistake = (file: string, { name }: PolicyTest, what: string): AppError =>
  new AppError('InvalidInput', `${file}: test "${name}": ${what}.`);

/** What Kubernetes takes no namespace by. */
const refuseNamespaces = (file: string, test: PolicyTest): void => {
  const { namespace = 'default' } = test.when;
  if (!dnsLabel.accepts(namespace))
    throw mistake(file, test, `when.namespace: "${namespace}" is not ${dnsLabel.title}`);
  for (const [name, labels] of Object.entries(test.given?.namespaces ?? {})) {
    if (!dnsLabel.accepts(name)) throw mistake(file, test, `given.namespaces: "${name}" is not ${dnsLabel.title}`);
    const wrong = labelViolation(labels);
    if (wrong !== undefined) throw mistake(file, test, `given.namespaces.${name}: ${wrong}`);
  }
};

const clusterFor = ({ cloud, facts, csiDrivers, defaults, settings }: Given, file: string): ClusterDescription => {
  const sending = settingsIn(settings ?? {}, file);
  const policy = policyOf(sending);
  return {
    cloud: cloud ?? 'unknown',
    facts: givenFacts(Object.entries(facts ?? {}), `${file}: given.facts.`),
    ...(csiDrivers && { csiDrivers }),
    defaults: validDefaultsIn(objectsNamed(defaults ?? [], file), policy, 'default'),
    namespaceLabels: {},
    policy,
    sending,
  };
};

const ENVS: readonly string[] = Object.values(definitions).map(({ env }) => env);

const settingsIn = (given: StringMap, file: string): Settings => {
  const unknown = Object.keys(given).find((env) => !ENVS.includes(env));
  if (unknown !== undefined)
    throw new AppError('InvalidInput', `${file}: given.settings.${unknown} is no setting${didYouMean(unknown, ENVS)}.`);
  try {
    return readSettings(given);
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause;
    throw new AppError('InvalidInput', `${file}: given.settings: ${cause.message}`, { cause });
  }
};

const storedFor = (
  { namespaces, objects }: Given,
  { when: { namespace = 'default' } }: PolicyTest,
  file: string,
  old: readonly SourcedObject[],
): readonly KubeObject[] => {
  return [
    ...Object.entries(namespaces ?? {}).map(namespaceOf),
    ...objectsNamed(objects ?? [], file).map(({ object }) => object),
    ...old.map(({ object }) => inNamespace(object, namespace)),
  ];
};

const namespaceOf = ([name, labels]: readonly [string, StringMap]): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
});

const inNamespace = (object: KubeObject, namespace: string): KubeObject => ({
  ...object,
  metadata: { namespace, ...object.metadata },
});

/** Runs a test, with other defaults than its own where those are given. `snapshots`: what was written of it, by its name. */
export const runTest = (
  prepared: PreparedTest,
  snapshots: ReadonlyMap<string, Snapshot>,
  defaults: readonly PlatformDefaults[] = prepared.cluster.defaults,
): TestResult => {
  const { file, test, stored, applied } = prepared;
  const { when, then, also = [] } = test;
  const start = performance.now();
  const cluster = { ...clusterOf({ ...prepared.cluster, defaults }), stored };
  const documents = preview(applied, cluster, when.namespace ?? 'default', when.user ?? 'preview');
  const main = documents.findLast(({ createdBy }) => createdBy === undefined);
  if (main === undefined) throw new AppError('Internal', `${file}: test "${test.name}" applied nothing.`);
  const others = also.map((one) => ({ one, document: documents.find((document) => isNamed(document, one.of)) }));
  const snapshot = [then, ...also].some((one) => one.snapshot === true) ? snapshotOf(documents) : undefined;
  const failures = [
    ...operationFailures(when.operation, main),
    ...failuresOf(then, main),
    ...others.flatMap(({ one, document }) =>
      document === undefined
        ? [`${one.of}: is none of ${documents.map(titleOf).join(', ')}`]
        : failuresOf(one, document).map((failure) => `${one.of}: ${failure}`),
    ),
    ...(snapshot === undefined ? [] : snapshotFailures(snapshot, snapshots.get(test.name))),
  ];
  const explained = failures.length === 0 ? [] : explanationLines(`${titleOf(main)}:`, main.explanation, main.explain);
  const told = [{ one: then, document: main }, ...others].filter(({ one }) => one.warnings !== undefined);
  const warnings = documents
    .filter((document) => told.every((one) => one.document !== document))
    .flatMap((document) => document.warnings.map((warning) => `${titleOf(document)}: ${warning}`));
  const seconds = (performance.now() - start) / 1_000;
  return { file, name: test.name, failures, warnings, explanation: explained, snapshot, seconds };
};

const operationFailures = (wanted: string | undefined, { operation }: PreviewedDocument): readonly string[] =>
  wanted === undefined || wanted === operation ? [] : [`operation: expected ${wanted}, found ${operation}`];

const titleOf = ({ kind, name }: PreviewedDocument): string => `${kind}/${name}`;

const isNamed = (document: PreviewedDocument, name: string): boolean =>
  document.kind === name || titleOf(document) === name;
