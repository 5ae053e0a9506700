import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import { quartermasterWith } from '../fixtures/command-line.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';

/** No webhook answers here: what is stored is stored as it was sent. */
let cluster: ShippedCluster;

const apply = (manifest: string): Promise<string> =>
  kubectl(cluster.controlPlane, ['apply', '-f', '-'], { input: manifest });

const app = (name: string, team: string): string =>
  `apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: { name: ${name}, namespace: default, labels: { team: ${team} } }
spec:
  type: Scala
  mode: cluster
  image: spark
  mainClass: Pi
  mainApplicationFile: local:///pi.jar
  sparkVersion: 4.0.0
  driver: { cores: 1 }
  executor: { cores: 1 }
`;

const proxy = (name: string, team: string, value: string): string =>
  `apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: ${name}, namespace: quartermaster-system }
spec:
  match: { kinds: [SparkApplication], selector: { matchLabels: { team: ${team} } } }
  inject: { env: [{ name: HTTP_PROXY, value: "${value}" }] }
`;

const why = (reference: string) =>
  quartermasterWith({ KUBECONFIG: cluster.controlPlane.kubeconfig }, 'why', reference, '-n', 'default');

/** Times of the API server count whole seconds. */
const untilAfter = async (name: string): Promise<void> => {
  const jsonpath = 'jsonpath={.metadata.creationTimestamp}';
  const created = await kubectl(cluster.controlPlane, [
    'get',
    'sparkapplications.sparkoperator.k8s.io',
    name,
    '-o',
    jsonpath,
  ]);
  await vi.waitUntil(() => Date.now() >= Date.parse(created) + 1_000, { timeout: 30_000 });
};

beforeAll(async () => {
  cluster = await startShippedCluster();
  await kubectl(cluster.controlPlane, ['apply', '-f', join(resolve(import.meta.dirname, '../..'), 'test/schemas')]);
  await kubectl(cluster.controlPlane, ['wait', '--for=condition=Established', 'crd', '--all', '--timeout=50s']);
  await apply(app('first', 'geo'));
  await untilAfter('first');
  await apply(proxy('proxy', 'geo', 'http://proxy:3128'));
  await apply(proxy('broken', 'ml', 'http://${nowhere'));
  await apply(app('second', 'geo'));
  await apply(app('third', 'ml'));
});
afterAll(() => cluster?.controlPlane.stop());

it('says that an object was created before the default', async () => {
  const { code, out } = await why('sparkapplication/first');
  expect(code).toBe(0);
  expect(out).toMatch(
    /PlatformDefaults quartermaster-system\/proxy would give to a new one, and gave this one nothing: it was created at \S+, after the object \(\S+\)\./,
  );
  expect(out).toContain('applied: spec.driver.env and spec.executor.env HTTP_PROXY = "http://proxy:3128"');
});

it('says that no webhook may have answered when an object was stored', async () => {
  const { out } = await why('sparkapp/second');
  expect(out).toMatch(
    /gave this one nothing: it was created at \S+, and the object at \S+: no webhook answered when the object was stored/,
  );
});

it('says that a PlatformDefaults is invalid', async () => {
  const { out } = await why('SparkApplication/third');
  expect(out).toMatch(
    /refused: PlatformDefaults quartermaster-system\/broken@1: it is invalid: spec\.inject\.env\[0\]\.value: "\$\{nowhere" is not a variable; .*; nothing of it is in force\n/,
  );
  expect(out).toContain('selector team=geo; the object has team=ml\n');
});

it('names what is wrong with the reference', async () => {
  expect(await why('sparkapplication/none')).toMatchObject({
    code: 2,
    err: 'quartermaster: There is no SparkApplication default/none; -n names another namespace.\n',
  });
  expect((await why('sparkaplication/none')).err).toContain('(did you mean SparkApplication?)');
  expect((await why('first')).err).toContain('first is not KIND/NAME');
});
