import { expect } from 'vitest';
import { parse, stringify } from 'yaml';
import type { Cluster } from '../../../dev/cluster/cluster.ts';

/** What the operator's chart makes in each namespace for drivers. */
export const driverAccount = `
apiVersion: v1
kind: ServiceAccount
metadata: { name: spark }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: spark }
rules:
  - apiGroups: [""]
    resources: [pods, configmaps, persistentvolumeclaims, services]
    verbs: [get, list, watch, create, update, patch, delete, deletecollection]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: spark }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: spark }
subjects: [{ kind: ServiceAccount, name: spark }]
`;

/** Three whole cores are more than the node has: the platform says what is asked for, applications say nothing of it. */
export const smallNode = `
apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: small-node, namespace: quartermaster-system }
spec:
  match: { kinds: [SparkApplication] }
  inject:
    sparkConf:
      spark.kubernetes.driver.request.cores: 100m
      spark.kubernetes.executor.request.cores: 100m
`;

/** What a SparkPi of ours says: its line, labels and arguments. */
export interface Pi {
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly arguments?: readonly string[];
  readonly restartPolicy?: object;
}

/** The spec of an application with one executor. */
const piSpec = ({ version, restartPolicy, arguments: given = [] }: Pi): object => ({
  type: 'Scala',
  mode: 'cluster',
  image: `docker.io/library/spark:${version}`,
  mainClass: 'org.apache.spark.examples.SparkPi',
  mainApplicationFile: 'local:///opt/spark/examples/jars/spark-examples.jar',
  arguments: given,
  sparkVersion: version,
  driver: { cores: 1, memory: '512m', serviceAccount: 'spark' },
  executor: { instances: 1, cores: 1, memory: '512m' },
  ...(restartPolicy !== undefined && { restartPolicy }),
});

export const piApplication = (name: string, pi: Pi): string =>
  stringify({
    apiVersion: 'sparkoperator.k8s.io/v1beta2',
    kind: 'SparkApplication',
    metadata: { name, labels: pi.labels },
    spec: piSpec(pi),
  });

/** A schedule that makes an application as soon as it is there, and one at a time. */
export const scheduled = (name: string, pi: Pi): string =>
  stringify({
    apiVersion: 'sparkoperator.k8s.io/v1beta2',
    kind: 'ScheduledSparkApplication',
    metadata: { name, labels: pi.labels },
    spec: { schedule: '@every 5s', concurrencyPolicy: 'Forbid', template: piSpec(pi) },
  });

interface Container {
  readonly name: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
}

export interface Pod {
  readonly metadata: {
    readonly uid: string;
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: { readonly containers: readonly Container[] };
  readonly status: { readonly podIP?: string };
}

/** Applications of one namespace, and all pods that were seen of them. */
export const follow = ({ kubectl }: Cluster, namespace: string) => {
  const pods = new Map<string, Pod>();
  const inNamespace = (...args: readonly string[]) => kubectl('-n', namespace, ...args);
  const look = async (): Promise<void> => {
    const { items } = parse(await inNamespace('get', 'pods', '-l', 'spark-role', '-o', 'json')) as {
      readonly items: readonly Pod[];
    };
    for (const pod of items) pods.set(pod.metadata.uid, pod);
  };
  const status = 'jsonpath={.status.applicationState.state}{.status.applicationState.errorMessage}';
  const stateOf = async (name: string): Promise<string> => {
    await look();
    return inNamespace('get', 'sparkapplication', name, '-o', status);
  };
  return {
    inNamespace,
    stateOf,
    podsOf: (role: 'driver' | 'executor'): readonly Pod[] =>
      [...pods.values()].filter(({ metadata }) => metadata.labels['spark-role'] === role),
    /** Waits until it is over, however. */
    completes: async (name: string): Promise<void> => {
      const ended = /^(COMPLETED|FAILED.*|SUBMISSION_FAILED.*)$/;
      await expect.poll(() => stateOf(name), { timeout: 480_000 }).toMatch(ended);
      expect(await stateOf(name)).toBe('COMPLETED');
    },
  };
};
