import { SYSTEM_NAMESPACE } from '../../src/api/names.ts';
import { type DemoObject, idOf, type Kubectl, objectsOf } from './kubectl.ts';
import type { Screen } from './screen.ts';
import type { Story } from './stories.ts';

/** A Node and the storage drivers a cluster on Google Cloud has, with the csi-s3 driver installed besides. */
const NODE = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'pool-1-a', labels: { 'topology.kubernetes.io/region': 'europe-west1' } },
  spec: { providerID: 'gce://demo-project/europe-west1-b/pool-1-a' },
};
const DRIVERS = ['pd.csi.storage.gke.io', 'filestore.csi.storage.gke.io', 'ru.yandex.s3.csi'];
/** As spark-operator's chart has it. The operator does not run here; that it has a webhook decides what its applications can be given. */
const SPARK_OPERATOR = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'MutatingWebhookConfiguration',
  metadata: { name: 'spark-operator-webhook' },
  webhooks: [
    {
      name: 'mutate--v1-pod.sparkoperator.k8s.io',
      clientConfig: {
        service: { namespace: 'spark-operator', name: 'spark-operator-webhook-svc', path: '/mutate--v1-pod' },
      },
      rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }],
      objectSelector: { matchLabels: { 'sparkoperator.k8s.io/launched-by-spark-operator': 'true' } },
      admissionReviewVersions: ['v1'],
      sideEffects: 'None',
      failurePolicy: 'Ignore',
    },
  ],
};
const MADE_KINDS = 'storageclasses,configmaps,persistentvolumeclaims,rolebindings,serviceaccounts,services,deployments';
const SETTLED_WITHIN_MS = 6_000;
const EQUAL_LOOKS = 3;

/** What every object gets whoever stores it, and the bookkeeping that the diff would drown in. */
const BOOKKEEPING: ReadonlySet<string> = new Set([
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'generation',
  'managedFields',
  'selfLink',
]);
const LONG_ANNOTATIONS: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'quartermaster.dev/injected',
]);

export const versionOf = async (kubectl: Kubectl): Promise<string> => {
  const { out } = await kubectl('get', '--raw', '/version');
  return (JSON.parse(out) as { readonly gitVersion: string }).gitVersion;
};

/** A node, drivers, spark-operator's webhook, the namespaces of the stories and the kinds they use. */
export const prepare = async (
  kubectl: Kubectl,
  stories: readonly Story[],
  apply: (objects: readonly object[]) => Promise<void>,
): Promise<void> => {
  const drivers = DRIVERS.map((name) => ({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSIDriver',
    metadata: { name },
    spec: {},
  }));
  const namespaces = [...new Set(stories.map(({ namespace }) => namespace))].map((name) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { workloads: name } },
  }));
  await apply([NODE, SPARK_OPERATOR, ...drivers, ...namespaces]);
  await kubectl('apply', '-f', 'test/schemas');
  await kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s');
};

/** How the API server would store each manifest by itself, by `idOf`. */
export const storedWithout = async (
  kubectl: Kubectl,
  stories: readonly Story[],
): Promise<ReadonlyMap<string, DemoObject>> => {
  const objects: DemoObject[] = [];
  for (const { namespace, manifest } of stories.filter(({ isOurs }) => !isOurs)) {
    objects.push(
      ...(await objectsOf(kubectl('apply', '--dry-run=server', '-o', 'json', '-n', namespace, '-f', manifest))),
    );
  }
  return new Map(objects.map((object) => [idOf(object), object]));
};

export interface Telling {
  readonly kubectl: Kubectl;
  readonly screen: Screen;
  readonly before: ReadonlyMap<string, DemoObject>;
}

/** Applies one story as its people would and shows what became of it. */
export const tell = async (
  { title, note, namespace, defaults, manifest, isAgain, after = [] }: Story,
  { kubectl, screen, before }: Telling,
): Promise<void> => {
  screen.heading(title);
  screen.note(note);
  const known = new Set((await made(kubectl)).map(idOf));
  if (defaults !== undefined) {
    await show(kubectl, screen, 'apply', '-f', defaults);
    await kubectl('wait', '--for=condition=Ready', 'platformdefaults', '--all', '-A', '--timeout=30s');
  }
  await show(kubectl, screen, 'apply', '-n', namespace, '-f', manifest);
  const stored = await objectsOf(kubectl('get', '-o', 'json', '-n', namespace, '-f', manifest));
  for (const object of stored) {
    const without = before.get(idOf(object));
    if (without !== undefined && !isAgain) showDifference(screen, without, object);
  }
  const submitted = new Set(stored.map(idOf));
  for (const question of after) await show(kubectl, screen, ...question, '-n', namespace);
  for (const object of await settled(kubectl)) {
    if (!known.has(idOf(object)) && !submitted.has(idOf(object))) screen.made(describe(object));
  }
};

/** What Quartermaster has made, once some looks in a row show the same. */
const settled = async (kubectl: Kubectl): Promise<readonly DemoObject[]> => {
  const deadline = Date.now() + SETTLED_WITHIN_MS;
  let before = await made(kubectl);
  for (let equal = 1; equal < EQUAL_LOOKS && Date.now() < deadline; ) {
    const now = await made(kubectl);
    equal = now.length === before.length ? equal + 1 : 1;
    before = now;
  }
  return before;
};

const show = async (kubectl: Kubectl, screen: Screen, ...args: readonly string[]): Promise<void> => {
  screen.command(`kubectl ${args.join(' ')}`);
  const { out, complaint } = await kubectl(...args);
  screen.output(out + complaint);
};

const made = async (kubectl: Kubectl): Promise<readonly DemoObject[]> =>
  (await objectsOf(kubectl('get', MADE_KINDS, '-A', '-o', 'json'))).filter(({ metadata }) => {
    const labels = metadata['labels'] as Readonly<Record<string, string>> | undefined;
    // What is in its own namespace is its bookkeeping.
    return labels?.['app.kubernetes.io/managed-by'] === 'quartermaster' && metadata['namespace'] !== SYSTEM_NAMESPACE;
  });

const describe = (object: DemoObject): string => {
  const { provisioner, parameters, volumeBindingMode } = object;
  if (object.kind !== 'StorageClass') return idOf(object);
  const settings = Object.entries((parameters ?? {}) as Readonly<Record<string, string>>)
    .filter(([name]) => !name.includes('/'))
    .map(([name, value]) => `${name} ${value}`);
  return `${idOf(object)}: ${[provisioner, ...settings.slice(0, 2), volumeBindingMode].join(', ')}`;
};

const showDifference = (screen: Screen, without: DemoObject, stored: DemoObject): void => {
  const [before, after] = [essence(without), essence(stored)];
  if (JSON.stringify(before) === JSON.stringify(after)) screen.note(`${idOf(stored)} is stored as it was submitted.`);
  else {
    screen.note(`${idOf(stored)}, stored without Quartermaster (-) and with it (+):`);
    screen.difference(before, after);
  }
};

const essence = ({ status: _, metadata, ...rest }: DemoObject): unknown => {
  const { annotations = {}, ...kept } = Object.fromEntries(
    Object.entries(metadata).filter(([name]) => !BOOKKEEPING.has(name)),
  );
  const short = Object.fromEntries(
    Object.entries(annotations as Readonly<Record<string, string>>).filter(([name]) => !LONG_ANNOTATIONS.has(name)),
  );
  return { ...rest, metadata: { ...kept, ...(Object.keys(short).length > 0 && { annotations: short }) } };
};
