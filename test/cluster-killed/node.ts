import { withCluster } from '../../dev/cluster/cluster.ts';
import { toolsReference } from '../../dev/cluster/images/node-images.ts';

/** A run of its own, for a test that kills it: a cluster with one pod, until SIGTERM. Says `running` once the pod does. */
const pod = `
apiVersion: v1
kind: Pod
metadata: { name: sleeper }
spec:
  containers:
    - name: main
      image: ${toolsReference}
      command: [sleep, infinity]
      volumeMounts: [{ name: memory, mountPath: /memory }]
  volumes: [{ name: memory, emptyDir: { medium: Memory } }]
`;

await withCluster(console.error, async ({ kubectl }) => {
  await kubectl('wait', '--for=create', 'serviceaccount/default', '--timeout=60s');
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  process.once('SIGTERM', () => stop());
  await kubectl.withInput(pod, 'create', '-f', '-');
  await kubectl('wait', '--for=condition=Ready', 'pod/sleeper', '--timeout=120s');
  console.log('running');
  await stopped;
});
