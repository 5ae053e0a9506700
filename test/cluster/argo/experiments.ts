import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '../../../dev/cluster/cluster.ts';

const examples = join(import.meta.dirname, '../../../examples/hera');

/** The namespace of `examples/hera`. */
export const namespace = 'experiments';

/** What Argo's documentation gives the account of workflow pods: to report, to run HTTP templates with a token of its own, to delete artifacts. */
const executor = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: executor, namespace: ${namespace} }
rules:
  - { apiGroups: [argoproj.io], resources: [workflowtaskresults], verbs: [create, patch] }
  - { apiGroups: [argoproj.io], resources: [workflowtasksets, workflowartifactgctasks], verbs: [list, watch] }
  - { apiGroups: [argoproj.io], resources: [workflowtasksets/status, workflowartifactgctasks/status], verbs: [patch] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: executor, namespace: ${namespace} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: executor }
subjects: [{ kind: ServiceAccount, name: default, namespace: ${namespace} }]
---
apiVersion: v1
kind: Secret
metadata:
  name: default.service-account-token
  namespace: ${namespace}
  annotations: { kubernetes.io/service-account.name: default }
type: kubernetes.io/service-account-token
`;

/** Makes the namespace as `examples/hera` has it, and waits until it holds what the platform gives. */
export const prepareExperiments = async ({ kubectl, apply }: Cluster): Promise<void> => {
  await apply(await readFile(join(examples, 'defaults.yaml'), 'utf8'));
  await apply(await readFile(join(examples, 'namespace.yaml'), 'utf8'));
  for (const provided of ['configmap/hera-utils-proxy-environment', 'persistentvolumeclaim/experiment-data'])
    await kubectl('-n', namespace, 'wait', '--for=create', provided, '--timeout=60s');
  await apply(executor);
};
