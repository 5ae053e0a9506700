import type { KubeObject } from '../src/api/kubernetes.ts';

/** A review as kube-apiserver sends it, of an object made for it. */
export interface Input {
  readonly name: string;
  readonly body: string;
  readonly isPod: boolean;
}

const review = (group: string, version: string, resource: string, object: KubeObject): string =>
  JSON.stringify({
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind: { group, version, kind: object.kind },
      resource: { group, version, resource },
      requestKind: { group, version, kind: object.kind },
      requestResource: { group, version, resource },
      name: object.metadata.name,
      namespace: 'jobs',
      operation: 'CREATE',
      userInfo: { username: 'system:serviceaccount:jobs:submitter', groups: ['system:authenticated'] },
      object,
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
    },
  });

const times = <T>(count: number, make: (index: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** A PVC of a class that is there already: the most frequent case. */
const claim: KubeObject & Record<string, unknown> = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'results', namespace: 'jobs', labels: { app: 'spark', team: 'a' } },
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'present',
    resources: { requests: { storage: '10Gi' } },
    volumeMode: 'Filesystem',
  },
};

/** A pod of the size a Spark driver has: environment, volumes and mounts by the dozen. */
const driverPod = (envs: number): KubeObject & Record<string, unknown> => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'job-driver',
    namespace: 'jobs',
    labels: {
      'workflows.argoproj.io/workflow': 'job',
      'workflows.argoproj.io/completed': 'false',
      'spark-role': 'driver',
      'spark-app-name': 'job',
      team: 'a',
    },
    annotations: Object.fromEntries(times(10, (index) => [`example.org/note-${index}`, 'x'.repeat(60)])),
  },
  spec: {
    restartPolicy: 'Never',
    serviceAccountName: 'spark',
    containers: [
      {
        name: 'main',
        image: 'registry.example.org/spark:3.5.5',
        command: ['/opt/entrypoint.sh'],
        args: [
          'driver',
          '--class',
          'org.example.Job',
          'local:///opt/job.jar',
          ...times(12, (index) => `--option-${index}=value`),
        ],
        env: times(envs, (index) => ({
          name: `SETTING_${index}`,
          value: `value of setting number ${index}, as long as such are`,
        })),
        ports: [{ name: 'driver-rpc-port', containerPort: 7078, protocol: 'TCP' }],
        resources: { requests: { cpu: '1', memory: '2Gi' }, limits: { memory: '2Gi' } },
        volumeMounts: times(15, (index) => ({
          name: `volume-${index}`,
          mountPath: `/mnt/volume-${index}`,
          readOnly: true,
        })),
      },
      { name: 'wait', image: 'quay.io/argoproj/argoexec:v3.7.0', command: ['argoexec', 'wait'], resources: {} },
    ],
    volumes: times(15, (index) => ({
      name: `volume-${index}`,
      configMap: { name: `config-${index}`, defaultMode: 420 },
    })),
    tolerations: times(2, (index) => ({
      key: `node.kubernetes.io/reason-${index}`,
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: 300,
    })),
  },
});

const smallPod: KubeObject & Record<string, unknown> = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'jobs', labels: { app: 'web' } },
  spec: {
    containers: [{ name: 'web', image: 'docker.io/library/nginx:1.29', ports: [{ containerPort: 80 }] }],
    restartPolicy: 'Always',
  },
};

/** An openEO batch job as its chart renders it. */
const sparkApplication = (settings: number, size = 40): KubeObject & Record<string, unknown> => {
  const role = {
    cores: 1,
    memory: '2g',
    serviceAccount: 'openeo',
    env: times(35, (index) => ({ name: `OPENEO_SETTING_${index}`, value: `value-${index}-${'y'.repeat(30)}` })),
    volumeMounts: times(6, (index) => ({ name: `data-${index}`, mountPath: `/data-${index}` })),
    initContainers: null,
  };
  return {
    apiVersion: 'sparkoperator.k8s.io/v1beta2',
    kind: 'SparkApplication',
    metadata: { name: 'job-1', namespace: 'jobs', labels: { app: 'openeo', team: 'a' } },
    spec: {
      type: 'Python',
      mode: 'cluster',
      image: 'registry.example.org/openeo:1',
      mainApplicationFile: 'local:///opt/job.py',
      sparkVersion: '3.5.5',
      sparkConf: Object.fromEntries(
        times(settings, (index) => [`spark.hadoop.setting.number.${index}`, 'z'.repeat(size)]),
      ),
      volumes: times(6, (index) => ({ name: `data-${index}`, hostPath: { path: `/data-${index}` } })),
      driver: role,
      executor: { ...role, instances: 4 },
    },
  };
};

const pods = (name: string, object: KubeObject): Input => ({
  name,
  isPod: true,
  body: review('', 'v1', 'pods', object),
});
const sparks = (name: string, object: KubeObject): Input => ({
  name,
  isPod: false,
  body: review('sparkoperator.k8s.io', 'v1beta2', 'sparkapplications', object),
});

/** What the bench measures with, by key. */
export const inputs: Readonly<Record<string, Input>> = {
  claim: { name: 'PVC', isPod: false, body: review('', 'v1', 'persistentvolumeclaims', claim) },
  pod: pods('11 KB pod', driverPod(72)),
  small: pods('0.8 KB pod, no match', smallPod),
  spark: sparks('12 KB SparkApplication', sparkApplication(52)),
  large: sparks('1.4 MB SparkApplication', sparkApplication(15_800, 50)),
};

/** Pods that are alike but for the number of their environment variables: about 3 KB and 110 bytes for each. */
export const podOf = (envs: number): Input => pods(`pod with ${envs} variables`, driverPod(envs));

/** The same with settings in sparkConf: about 7 KB and 88 bytes for each. */
export const sparkOf = (settings: number): Input =>
  sparks(`SparkApplication with ${settings} settings`, sparkApplication(settings, 50));

/** The same review from another namespace. */
export const inNamespace = (input: Input, namespace: string): Input => ({
  ...input,
  body: input.body.replaceAll('"namespace":"jobs"', `"namespace":"${namespace}"`),
});
