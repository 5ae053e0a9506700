import { expect, it } from 'vitest';
import { admit, admitWithWarnings } from '../fixtures/admitting.ts';
import { platformDefaults } from '../fixtures/defaults.ts';

const JAR = { prometheus: { jmxExporterJar: '/prometheus/jmx.jar' } };
const app = {
  apiVersion: 'sparkoperator.k8s.io/v1beta2',
  kind: 'SparkApplication',
  metadata: { name: 'it', namespace: 'team-a' },
  spec: { driver: { hostNetwork: true }, executor: {} },
};
const why = 'spec.driver.hostNetwork makes two agents of one node share port 8090';

it.each(['Default', 'Enforce'] as const)(
  'an exporter that cannot run, with mode %s, is told of where what was given is told of and counted',
  (mode) => {
    const { denied, outcomes, application } = admitWithWarnings(app, [
      platformDefaults('metrics', { mode, inject: JAR }),
    ]);
    const by = 'quartermaster-system/metrics@1';
    expect(denied).toBeUndefined();
    expect(outcomes?.()).toContainEqual({
      ...{ by, mode, field: 'spec.monitoring.prometheus', key: 'jmxExporterJar', value: JAR.prometheus.jmxExporterJar },
      ...{ verdict: 'refused', why },
    });
    expect(application?.().notApplied).toEqual([{ by, field: 'spec.monitoring.prometheus jmxExporterJar', why }]);
  },
);

it('what a namespace enforces for itself, and cannot have, is left out with a warning', () => {
  const own = platformDefaults('metrics', { mode: 'Enforce', inject: JAR }, { namespace: 'team-a' });
  const { denied, warnings } = admit(app, [own]);
  expect(denied).toBeUndefined();
  expect(warnings).toEqual([`PlatformDefaults team-a/metrics@1: the JMX exporter was not injected: ${why}.`]);
});

it('an event log that is enforced and whose ObjectStore is not Ready yet is told of, and counted', () => {
  const inject = { eventLog: { objectStore: 'nowhere' } };
  const spec = { driver: {}, executor: {} };
  const { denied, application } = admit({ ...app, spec } as never, [
    platformDefaults('log', { mode: 'Enforce', inject }),
  ]);
  expect(denied).toBeUndefined();
  expect(application?.().notApplied).toEqual([
    {
      by: 'quartermaster-system/log@1',
      field: 'spec.sparkConf spark.eventLog.dir',
      why: "no ObjectStore nowhere is Ready in this namespace or the platform's",
    },
  ]);
});
