import { until } from '../../dev/until.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { INJECTED_ANNOTATION } from '../../src/api/names.ts';
import { type Kube, resources } from '../../src/kube/api-server.ts';
import { platformDefaults } from '../fixtures/defaults.ts';

/** Enough of the spark-operator's CRD for the API server to take its objects. */
const sparkCrd = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: {
    name: 'sparkapplications.sparkoperator.k8s.io',
    annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubeflow/spark-operator/pull/1298' },
  },
  spec: {
    group: 'sparkoperator.k8s.io',
    scope: 'Namespaced',
    names: { kind: 'SparkApplication', listKind: 'SparkApplicationList', plural: 'sparkapplications' },
    versions: [
      {
        name: 'v1beta2',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

export const sparkApplication = (name: string): KubeObject & { readonly spec: object } => ({
  apiVersion: 'sparkoperator.k8s.io/v1beta2',
  kind: 'SparkApplication',
  metadata: { name, namespace: 'default' },
  spec: { type: 'Scala', mode: 'cluster', driver: {}, executor: {} },
});

/** Has the cluster take SparkApplications, and one default hold for all of them. */
export const prepareSpark = async (admin: Kube): Promise<void> => {
  await admin.create(resources.customResourceDefinitions, sparkCrd);
  const { uid: _, generation: __, ...metadata } = platformDefaults('domain', {}).metadata;
  const inject = { annotations: { 'example.org/domain': 'example.com' } };
  await admin.create(resources.platformDefaults, { ...platformDefaults('domain', { inject }), metadata });
  await until(20_000, () => admin.list(resources.sparkApplications, {}));
};

/** One admission with failurePolicy Fail, through the API server. Throws where it fails, and where it was not admitted by us. */
export const admitSpark = async (admin: Kube, name: string): Promise<void> => {
  const stored = await admin.create(resources.sparkApplications, sparkApplication(name), { dryRun: true });
  if (stored.metadata.annotations?.[INJECTED_ANNOTATION] === undefined)
    throw new Error(`${name} was not admitted by us`);
};

/** Waits until the API server calls the webhook for good: at first it still goes by an empty configuration. */
export const untilAdmitted = (admin: Kube): Promise<void> => until(20_000, () => admitSpark(admin, 'first'));
