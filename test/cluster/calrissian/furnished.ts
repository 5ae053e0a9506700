import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '../../../dev/cluster/cluster.ts';
import { calrissianReference } from '../../../dev/cluster/engines/calrissian.ts';
import { layout } from '../../../dev/cluster/node/layout.ts';

export const examples = join(import.meta.dirname, '../../../examples/calrissian');
/** The namespace of `examples/calrissian`. */
export const namespace = 'cwl';

const volumeNames = ['input-data', 'tmpout', 'output-data'];
export const volumes = volumeNames.map((name) => `${namespace}-${name}`);

/** What the claims of a furnished namespace bind to: folders of the node, in place of buckets that a driver of S3 would mount. */
const volume = (name: string): string => `
apiVersion: v1
kind: PersistentVolume
metadata: { name: cwl-${name} }
spec:
  capacity: { storage: 1Ti }
  accessModes: [ReadWriteOnce, ReadOnlyMany, ReadWriteMany]
  storageClassName: csi-s3-calrissian
  claimRef: { namespace: ${namespace}, name: calrissian-${name} }
  hostPath: { path: ${join(layout().root, 'cwl', name)}, type: DirectoryOrCreate }
`;

/** Puts workflows where the example's runner looks for them, runs cwltool by itself, and shows what is there. */
const desk = `
apiVersion: v1
kind: Pod
metadata: { name: desk }
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: main
      image: ${calrissianReference}
      command: [sleep, infinity]
      securityContext: { runAsUser: 0 }
      volumeMounts: [${volumeNames.map((name) => `{ name: ${name}, mountPath: /${name} }`).join(', ')}]
  volumes: [${volumeNames.map((name) => `{ name: ${name}, persistentVolumeClaim: { claimName: calrissian-${name} } }`).join(', ')}]
`;

/** Runs a script at the desk and gives what it prints. */
export const atDesk = ({ kubectl }: Cluster, script: string, input = ''): Promise<string> =>
  kubectl.withInput(input, '-n', namespace, 'exec', '-i', 'desk', '--', 'sh', '-ec', script);

/** Makes the namespace as `examples/calrissian` has it, waits until our controller has furnished it, and puts the workflows there. */
export const prepareNamespace = async (cluster: Cluster): Promise<void> => {
  const { kubectl, apply } = cluster;
  for (const name of ['defaults', 'namespace']) await apply(await readFile(join(examples, `${name}.yaml`), 'utf8'));
  const claims = volumeNames.map((name) => `persistentvolumeclaim/calrissian-${name}`);
  const furniture = ['configmap/calrissian-defaults', 'rolebinding/quartermaster-pod-manager-default', ...claims];
  for (const name of furniture) await kubectl('-n', namespace, 'wait', '--for=create', name, '--timeout=60s');
  await kubectl.withInput([...volumeNames.map(volume), desk].join('---\n'), '-n', namespace, 'create', '-f', '-');
  await kubectl('-n', namespace, 'wait', '--for=condition=Ready', 'pod/desk', '--timeout=180s');
  await atDesk(cluster, 'chmod 0777 /input-data /tmpout /output-data');
  const folder = join(import.meta.dirname, 'workflows');
  for (const name of await readdir(folder))
    await atDesk(cluster, `cat > /input-data/${name}`, await readFile(join(folder, name), 'utf8'));
};
