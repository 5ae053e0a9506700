import { expect, it } from 'vitest';
import { admit } from '../fixtures/admitting.ts';
import { platformDefaults } from '../fixtures/defaults.ts';

const match = { kinds: ['ApacheSparkApplication'] } as const;
const volumes = [{ name: 'v', emptyDir: {} }];
const defaults = [
  platformDefaults('deep', { match, inject: { volumes, volumeMounts: [{ name: 'v', mountPath: '/deep' }] } }),
  platformDefaults('data', {
    match,
    mode: 'Enforce',
    inject: { serviceAccountName: 'platform', volumes, volumeMounts: [{ name: 'v', mountPath: '/data' }] },
  }),
];

const app = {
  apiVersion: 'spark.apache.org/v1',
  kind: 'SparkApplication',
  metadata: { name: 'it', namespace: 'team-a' },
  spec: { sparkConf: { 'spark.kubernetes.executor.volumes.emptyDir.v.mount.path': '/own' } },
};

it('a volume that is enforced takes the place of one in sparkConf, and is mounted by defaults too, the first time as the second', () => {
  const { object } = admit(app, defaults);
  const { sparkConf, executorSpec } = (object as unknown as { spec: Record<string, object> }).spec;
  expect(Object.keys(sparkConf as object).filter((key) => key.includes('volumes'))).toEqual([]);
  expect(executorSpec).toMatchObject({
    podTemplateSpec: {
      spec: { containers: [{ volumeMounts: [{ mountPath: '/data' }, { mountPath: '/deep' }] }], volumes },
    },
  });
  const again = admit(object as never, defaults).object;
  expect((again as unknown as { spec: object }).spec).toEqual((object as unknown as { spec: object }).spec);
});
