import { expect, it } from 'vitest';
import { admit } from '../fixtures/admitting.ts';
import { platformDefaults } from '../fixtures/defaults.ts';

const app = {
  apiVersion: 'sparkoperator.k8s.io/v1beta2',
  kind: 'SparkApplication',
  metadata: { name: 'it', namespace: 'team-a' },
  spec: { driver: {}, executor: {}, sparkConf: { 'spark.kubernetes.executor.scheduler.name': 'own' } },
};

it('an audit tells what is taken out now and would stay, since what takes it out would be refused', () => {
  const scheduler = platformDefaults('scheduler', { mode: 'Enforce', inject: { schedulerName: 'bin-packing' } });
  const conf = platformDefaults('conf', {
    mode: 'Audit',
    priority: 1,
    inject: { sparkConf: { 'spark.kubernetes.scheduler.name': 'by-conf' } },
  });
  const { object, audited } = admit(app, [scheduler, conf]);
  expect(object).toHaveProperty('spec.sparkConf', {});
  expect(audited?.changes).toContainEqual({
    path: '/spec/sparkConf/spark.kubernetes.executor.scheduler.name',
    field: 'spec.sparkConf.spark.kubernetes.executor.scheduler.name',
    source: 'PlatformDefaults quartermaster-system/scheduler@1',
    effect: 'kept',
  });
});
