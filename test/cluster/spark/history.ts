import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Cluster } from '../../../dev/cluster/cluster.ts';
import type { ObjectStorage } from '../../../dev/cluster/install/object-storage.ts';
import { layout } from '../../../dev/cluster/node/layout.ts';
import { run } from '../../../dev/control-plane/command.ts';

export const bucket = 'spark-history';

/** What a team's applications are given here: of every key that comes into pods by another way, one. */
const inject = {
  labels: { 'platform.example.org/given': 'here' },
  env: [
    { name: 'PLATFORM_VAR', value: 'from ${cloud}' },
    { name: 'JAVA_TOOL_OPTIONS', value: '-Djavax.net.ssl.trustStore=/etc/authority/trust.jks' },
  ],
  envFrom: [{ secretRef: { name: 'bucket-keys' } }],
  secrets: [{ name: 'bucket-authority', mountPath: '/etc/authority' }],
  configMaps: [{ name: 'site', mountPath: '/etc/site' }],
  volumes: [{ name: 'work', persistentVolumeClaim: { claimName: 'work' } }],
  volumeMounts: [{ name: 'work', mountPath: '/work' }],
  tolerations: [{ key: 'workload', operator: 'Equal', value: 'batch', effect: 'NoSchedule' }],
  eventLog: { objectStore: 'history' },
  prometheus: {
    scrape: true,
    port: 8090,
    jmxExporterJar: '/opt/spark/jars/jmx_prometheus_javaagent-0.20.0.jar',
    exposeDriverMetrics: true,
    exposeExecutorMetrics: true,
  },
};

/** Where in a running pod to look for each of them, and what is to be there. */
export const injected = {
  script: 'echo $PLATFORM_VAR; cat /etc/site/name; test -w /work; ls /etc/authority; test -n "$AWS_ACCESS_KEY_ID"',
  printed: 'from local\nhere\nca.crt\ntrust.jks\n',
};

export const defaults = (labels: Readonly<Record<string, string>>): string =>
  stringify({
    apiVersion: 'quartermaster.dev/v1alpha1',
    kind: 'PlatformDefaults',
    metadata: { name: 'history', namespace: 'quartermaster-system' },
    spec: { match: { kinds: ['SparkApplication'], selector: { matchLabels: labels } }, inject },
  });

/** Gives a namespace the claim, the Secrets and the bucket that the defaults name; ends when the bucket is Ready. */
export const prepareHistory = async (
  { kubectl }: Cluster,
  namespace: string,
  storage: ObjectStorage,
): Promise<void> => {
  const inNamespace = (...args: readonly string[]) => kubectl('-n', namespace, ...args);
  const { accessKey, secretKey } = await storage.createUser('spark');
  const keys = [`AWS_ACCESS_KEY_ID=${accessKey}`, `AWS_SECRET_ACCESS_KEY=${secretKey}`];
  const literals = keys.map((key) => `--from-literal=${key}`);
  await inNamespace('create', 'secret', 'generic', 'bucket-keys', ...literals);
  await createAuthority(kubectl, namespace, storage.authority);
  await inNamespace('create', 'configmap', 'site', '--from-literal=name=here\n');
  const objects = [claim, store(storage)].map((object) => stringify(object)).join('---\n');
  await kubectl.withInput(objects, '-n', namespace, 'create', '-f', '-');
  await inNamespace('wait', '--for=condition=Ready', 'objectstore/history', '--timeout=120s');
};

/** The authority as our controller takes it, and as a JVM does. */
const createAuthority = async (kubectl: Cluster['kubectl'], namespace: string, authority: string): Promise<void> => {
  const file = join(layout().root, 'ca.crt');
  const trust = join(layout().root, 'trust.jks');
  await writeFile(file, authority);
  await rm(trust, { force: true });
  await run(
    'keytool',
    [
      '-importcert',
      '-noprompt',
      '-alias',
      'private',
      '-file',
      file,
      '-keystore',
      trust,
      '-storetype',
      'JKS',
      '-storepass',
      'changeit',
    ],
    { timeoutMs: 60_000 },
  );
  await kubectl('-n', namespace, 'create', 'configmap', 'bucket-authority', '--from-file', file);
  await kubectl(
    '-n',
    namespace,
    'create',
    'secret',
    'generic',
    'bucket-authority',
    '--from-file',
    file,
    '--from-file',
    trust,
  );
};

const claim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'work' },
  spec: {
    storageClassName: 'spark-work',
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '64Mi' } },
  },
};

const store = ({ endpoint }: ObjectStorage): object => ({
  apiVersion: 'banzaicloud.com/v1alpha1',
  kind: 'ObjectStore',
  metadata: { name: 'history' },
  spec: {
    name: bucket,
    provider: 's3',
    s3: { endpoint, caBundleRef: { name: 'bucket-authority' } },
    credentialsSecretRef: { name: 'bucket-keys' },
  },
});
