import { expect, it } from 'vitest';
import { admit } from '../fixtures/admitting.ts';
import { platformDefaults } from '../fixtures/defaults.ts';

const app = {
  apiVersion: 'sparkoperator.k8s.io/v1beta2',
  kind: 'SparkApplication',
  metadata: { name: 'it', namespace: 'team-a' },
  spec: { driver: {}, executor: {}, sparkConf: { 'spark.kubernetes.scheduler.name': 'own' } },
};

it('an audit tells what is taken out now and would stay, since what takes it out would be refused', () => {
  const scheduler = platformDefaults('scheduler', { mode: 'Enforce', inject: { schedulerName: 'bin-packing' } });
  const conf = platformDefaults('conf', {
    mode: 'Audit',
    priority: 1,
    inject: {
      sparkConf: Object.fromEntries(
        ['driver', 'executor'].map((role) => [`spark.kubernetes.${role}.scheduler.name`, 'by-conf']),
      ),
    },
  });
  const { object, audited } = admit(app, [scheduler, conf]);
  expect(object).toHaveProperty('spec.sparkConf', {});
  expect(audited?.changes).toContainEqual({
    path: '/spec/sparkConf/spark.kubernetes.scheduler.name',
    field: 'spec.sparkConf.spark.kubernetes.scheduler.name',
    source: 'PlatformDefaults quartermaster-system/scheduler@1',
    effect: 'kept',
  });
});

it('an audit tells nothing of a container that is added all the same, with its sources in another order', () => {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'it',
      namespace: 'team-a',
      labels: { component: 'singleuser-server', 'hub.jupyter.org/username': 'it' },
    },
    spec: { containers: [{ name: 'notebook', image: 'notebook:1' }] },
  };
  const proxy = { configMapRef: { name: 'proxy' } };
  const match = { kinds: ['NotebookPod' as const] };
  const audited = platformDefaults('audited', { match, mode: 'Audit', inject: { envFrom: [proxy] } });
  const tools = platformDefaults('tools', {
    match,
    inject: {
      envFrom: [proxy, { secretRef: { name: 'keys' } }],
      initContainers: [{ name: 'fetch', image: 'tool:1' }],
    },
  });
  const { object, audited: told } = admit(pod, [audited, tools]);
  expect(object).toHaveProperty('spec.initContainers.0.name', 'fetch');
  expect(told?.changes.map(({ path }) => path)).not.toContain('/spec/initContainers/0');
});
