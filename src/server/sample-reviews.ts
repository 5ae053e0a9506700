import type { PlatformDefaults } from '../api/platform-defaults.ts';

const review = (group: string, version: string, resource: string, object: { readonly kind: string }): string =>
  JSON.stringify({
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid: '3f1f0a52-7b3e-4a08-9c8b-2d8e6f5b9a11',
      kind: { group, version, kind: object.kind },
      resource: { group, version, resource },
      name: 'sample',
      namespace: 'default',
      operation: 'CREATE',
      userInfo: { username: 'sample' },
      object,
      oldObject: null,
      dryRun: true,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
    },
  });

const metadata = { name: 'sample', namespace: 'default', labels: { app: 'sample' } };
const env = Array.from({ length: 40 }, (_, index) => ({ name: `SETTING_${index}`, value: `value of ${index}` }));
const volumes = Array.from({ length: 10 }, (_, index) => ({ name: `volume-${index}`, emptyDir: {} }));
const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/mnt/${name}` }));
const role = { cores: 1, memory: '2g', env, volumeMounts };

/** What runs in most minutes of a webhook's life, of no cluster in particular. */
export const sampleReviews: readonly string[] = [
  review('', 'v1', 'pods', {
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: { ...metadata, labels: { app: 'sample', 'workflows.argoproj.io/workflow': 'sample' } },
    spec: { containers: [{ name: 'main', image: 'example.org/sample:1', env, volumeMounts }], volumes },
  } as { readonly kind: string }),
  review('sparkoperator.k8s.io', 'v1beta2', 'sparkapplications', {
    ...{ apiVersion: 'sparkoperator.k8s.io/v1beta2', kind: 'SparkApplication', metadata },
    spec: { type: 'Python', mode: 'cluster', sparkConf: { 'spark.a': 'b' }, volumes, driver: role, executor: role },
  } as { readonly kind: string }),
  review('', 'v1', 'persistentvolumeclaims', {
    ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'fast', resources: { requests: { storage: '1Gi' } } },
  } as { readonly kind: string }),
];

/** A PlatformDefaults that holds for all of them. */
export const sampleDefaults: PlatformDefaults = {
  apiVersion: 'quartermaster.dev/v1alpha1',
  kind: 'PlatformDefaults',
  metadata: { name: 'sample', namespace: 'quartermaster-system', uid: '1', resourceVersion: '1', generation: 1 },
  spec: {
    match: { kinds: ['Pod', 'WorkflowPod', 'SparkApplication'], selector: { matchLabels: { app: 'sample' } } },
    inject: {
      labels: { 'example.org/sample': 'true' },
      annotations: { 'example.org/sample': 'true' },
      env: [{ name: 'SAMPLE', value: 'true' }],
      volumes: [{ name: 'sample', emptyDir: {} }],
      volumeMounts: [{ name: 'sample', mountPath: '/sample' }],
    },
  },
};
