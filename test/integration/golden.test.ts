import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../dev/control-plane/control-plane.ts';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import { POD_KINDS } from '../../src/api/target-kinds.ts';
import type { Kube } from '../../src/kube/api-server.ts';
import { createKube } from '../../src/kube/client.ts';
import { findConnection } from '../../src/kube/connection.ts';
import { objectsIn, readCase } from '../fixtures/golden-case.ts';
import { storableCases, storedOf, withoutNulls } from '../fixtures/stored-golden.ts';

const NAMESPACE = 'golden';
/** CalrissianPod: calrissian-pod. */
function folderOf(kind: string): string {
  return kind.replace(/(?<=.)[A-Z]/g, '-$&').toLowerCase();
}
const kinds = [
  'spark-application',
  'spark-connect',
  'apache-spark-application',
  'spark-cluster',
  ...POD_KINDS.map(folderOf),
];
const cases = storableCases(kinds);

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
  await kubectl(controlPlane, ['wait', '--for=condition=Established', 'crd', '--all', '--timeout=50s']);
  await kubectl(controlPlane, ['create', 'namespace', NAMESPACE]);
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: CLASSES });
  await kubectl(controlPlane, ['apply', '-f', '-'], { input });
});

afterAll(() => controlPlane?.stop());

describe.each(cases)('%s %s', (kind, name) => {
  it('is accepted by the API server as it came out, and stored so where it is a custom resource', async () => {
    const [after] = objectsIn(readCase(kind, name).afterPath);
    if (after === undefined) throw new Error(`${kind}/${name} has no after.yaml`);
    const stored = await storedOf(admin, NAMESPACE, after);
    expect(stored.kind).toBe(after.kind);
    if (after.kind !== 'Pod') expect(stored).toHaveProperty('spec', withoutNulls(after).spec);
  });
});
