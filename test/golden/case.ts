import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments, stringify } from 'yaml';
import type { AdmissionRequest, Operation } from '../../src/api/admission.ts';
import type { AccessMode, KubeObject, StringMap } from '../../src/api/kubernetes.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';

/** request.yaml: what the manifest does not tell about the request and the cluster it comes to. All of it optional. */
export interface Circumstances {
  readonly operation?: Operation;
  readonly namespace?: string;
  readonly username?: string;
  readonly namespaceLabels?: StringMap;
  /** Name of the case whose after.yaml is stored, of which before.yaml is the change. */
  readonly stored?: string;
  /** Settings of the program, by their environment variables. */
  readonly settings?: StringMap;
  readonly cloud?: { readonly name?: string; readonly facts?: StringMap; readonly csiDrivers?: readonly string[] };
  /** Ready ones by `<namespace>/<name>`: their URL, and their endpoint where they have one of their own. */
  readonly objectStores?: Readonly<Record<string, { readonly url: string; readonly endpoint?: string }>>;
  readonly claims?: Readonly<Record<string, readonly AccessMode[]>>;
  /** Other objects of the cluster: classes, volumes. */
  readonly cluster?: readonly KubeObject[];
}

/** One folder test/golden/<kind>/<name>. */
export interface Case {
  readonly kind: string;
  readonly name: string;
  readonly before: KubeObject;
  readonly oldObject: KubeObject | undefined;
  readonly defaults: readonly PlatformDefaults[];
  readonly circumstances: Circumstances;
  readonly afterPath: string;
  /** Undefined where nobody wrote it yet. */
  readonly after: string | undefined;
}

const root = import.meta.dirname;

/** Every case there is, as [kind, name]; those that change what another stores after all others. */
export const caseNames = (): readonly (readonly [string, string])[] =>
  foldersIn(root)
    .flatMap((kind) => foldersIn(join(root, kind)).map((name) => [kind, name] as const))
    .sort((a, b) => Number(isChange(...a)) - Number(isChange(...b)));

export const readCase = (kind: string, name: string): Case => {
  const folder = join(root, kind, name);
  const circumstances = circumstancesOf(folder);
  const { stored } = circumstances;
  const afterPath = join(folder, 'after.yaml');
  return {
    kind,
    name,
    before: parse(readFileSync(join(folder, 'before.yaml'), 'utf8')) as KubeObject,
    oldObject: stored === undefined ? undefined : readStored(join(root, kind, stored)),
    defaults: readAll(join(folder, 'defaults.yaml')),
    circumstances,
    afterPath,
    after: existsSync(afterPath) ? readFileSync(afterPath, 'utf8') : undefined,
  };
};

/** The request that brings an object in, as the API server would send it. */
export const requestFor = (
  { circumstances, oldObject }: Pick<Case, 'circumstances' | 'oldObject'>,
  object: KubeObject,
): AdmissionRequest => {
  const { operation = oldObject === undefined ? 'CREATE' : 'UPDATE', username = 'preview' } = circumstances;
  const [group = '', version = ''] = object.apiVersion.includes('/')
    ? object.apiVersion.split('/')
    : ['', object.apiVersion];
  return {
    uid: 'golden',
    operation,
    resource: { group, version, resource: `${object.kind.toLowerCase()}s` },
    namespace: circumstances.namespace ?? object.metadata.namespace ?? 'default',
    object,
    ...(oldObject !== undefined && { oldObject }),
    dryRun: false,
    username,
  };
};

/** What after.yaml holds: the warnings as comments, the object, then what must exist beside it. */
export const renderAfter = (
  warnings: readonly string[],
  object: KubeObject,
  companions: readonly KubeObject[],
): string => {
  const comments = warnings.map((warning) => `# warning: ${warning}\n`).join('');
  return (
    comments +
    [object, ...companions]
      .map((document) => stringify(document, { lineWidth: 0, aliasDuplicateObjects: false, version: '1.1' }))
      .join('---\n')
  );
};

const circumstancesOf = (folder: string): Circumstances => (readIfThere(folder, 'request.yaml') ?? {}) as Circumstances;

const isChange = (kind: string, name: string): boolean => circumstancesOf(join(root, kind, name)).stored !== undefined;

const readStored = (folder: string): KubeObject => {
  const [stored] = objectsIn(join(folder, 'after.yaml'));
  if (stored === undefined) throw new Error(`${folder}/after.yaml, which is to be stored, is missing`);
  return stored;
};

/** Every object of a file, in order; none where there is no file. */
export const objectsIn = (path: string): readonly KubeObject[] => readAll<KubeObject>(path);

const readIfThere = (folder: string, file: string): unknown =>
  existsSync(join(folder, file)) ? parse(readFileSync(join(folder, file), 'utf8')) : undefined;

const readAll = <T>(path: string): readonly T[] =>
  existsSync(path) ? parseAllDocuments(readFileSync(path, 'utf8')).map((document) => document.toJS() as T) : [];

const foldersIn = (path: string): readonly string[] =>
  readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
