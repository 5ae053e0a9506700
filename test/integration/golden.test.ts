import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../dev/control-plane/control-plane.ts';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { POD_KINDS } from '../../src/api/target-kinds.ts';
import { type Kube, resources } from '../../src/kube/api-server.ts';
import { createKube } from '../../src/kube/client.ts';
import { findConnection } from '../../src/kube/connection.ts';
import { caseNames, objectsIn, readCase } from '../fixtures/golden-case.ts';

const NAMESPACE = 'golden';
/** CalrissianPod: calrissian-pod. */
function folderOf(kind: string): string {
  return kind.replace(/(?<=.)[A-Z]/g, '-$&').toLowerCase();
}
const pods = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', isNamespaced: true };
const sparkConnects = {
  ...resources.sparkApplications,
  version: 'v1alpha1',
  plural: 'sparkconnects',
  kind: 'SparkConnect',
};
const ofApache = (plural: string, kind: string) => ({
  ...resources.sparkApplications,
  ...{ group: 'spark.apache.org', version: 'v1', plural, kind },
});
/** Both operators have a SparkApplication. */
const resourceOf = {
  'v1 Pod': pods,
  'sparkoperator.k8s.io/v1beta2 SparkApplication': resources.sparkApplications,
  'sparkoperator.k8s.io/v1alpha1 SparkConnect': sparkConnects,
  'spark.apache.org/v1 SparkApplication': ofApache('sparkapplications', 'SparkApplication'),
  'spark.apache.org/v1 SparkCluster': ofApache('sparkclusters', 'SparkCluster'),
};
const kinds = [
  'spark-application',
  'spark-connect',
  'apache-spark-application',
  'spark-cluster',
  ...POD_KINDS.map(folderOf),
];
/** Manifests that nothing could make fit to store, and one of a kind that is not ours. */
const unfit = [
  'leaves-a-scheduled-app-to-its-children',
  'leaves-an-app-without-a-spec',
  'leaves-roles-that-are-not-there',
  'leaves-pod-without-containers',
  'leaves-mirror-pods',
];
const cases = caseNames().filter(([kind, name]) => kinds.includes(kind) && !unfit.includes(name));

const priority = (name: string, value: number, preemptionPolicy: string) => ({
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name },
  value,
  preemptionPolicy,
});
const runtime = (name: string) => ({
  apiVersion: 'node.k8s.io/v1',
  kind: 'RuntimeClass',
  metadata: { name },
  handler: name,
});
/** What pods of the cases name: the API server refuses a pod whose classes are not there. */
const CLASSES = [
  priority('batch', 100, 'PreemptLowerPriority'),
  priority('urgent', 1_000, 'Never'),
  runtime('gvisor'),
  runtime('kata'),
  runtime('sandboxed'),
];

let controlPlane: ControlPlane;
let admin: Kube;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  admin = createKube(await findConnection({ KUBECONFIG: controlPlane.kubeconfig }));
  await kubectl(controlPlane, ['apply', '-f', join(import.meta.dirname, '../schemas')]);
  await kubectl(controlPlane, ['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
  await kubectl(controlPlane, ['create', 'namespace', NAMESPACE]);
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: CLASSES });
  await kubectl(controlPlane, ['apply', '-f', '-'], { input });
});

afterAll(() => controlPlane?.stop());

/** What the API server would store. Throws its reason not to. */
const create = (object: KubeObject): Promise<KubeObject> => {
  const type = `${object.apiVersion} ${object.kind}`;
  const resource = Object.entries(resourceOf).find(([known]) => known === type)?.[1];
  if (resource === undefined) throw new Error(`${type} has no resource here`);
  const { name, generateName, labels, annotations } = object.metadata;
  const metadata = { namespace: NAMESPACE, name, generateName, labels, annotations };
  return admin.create(resource, JSON.parse(JSON.stringify({ ...object, metadata })) as KubeObject, { dryRun: true });
};

describe.each(cases)('%s %s', (kind, name) => {
  it('is accepted by the API server as it came out, and stored so where it is a custom resource', async () => {
    const [after] = objectsIn(readCase(kind, name).afterPath);
    if (after === undefined) throw new Error(`${kind}/${name} has no after.yaml`);
    const stored = await create(after);
    expect(stored.kind).toBe(after.kind);
    if (after.kind !== 'Pod') expect(stored).toHaveProperty('spec', withoutNulls(after).spec);
  });
});

/** The API server drops fields that are null. */
const withoutNulls = (object: KubeObject): { readonly spec?: unknown } =>
  JSON.parse(JSON.stringify(object, (_, value: unknown) => value ?? undefined)) as { readonly spec?: unknown };
