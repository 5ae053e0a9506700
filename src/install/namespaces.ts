import { NAMESPACE_NAME_LABEL } from '../api/names.ts';
import { type InstallObject, type InstallOptions, labels, NFS_NAMESPACE } from './options.ts';

/** The two namespaces, and how strictly Pod Security holds there. */
export const namespaceObjects = ({ namespace }: InstallOptions): readonly InstallObject[] => [
  namespaceOf(namespace, 'restricted'),
  // The NFS server needs the capabilities DAC_READ_SEARCH and SYS_RESOURCE, which `baseline` refuses.
  namespaceOf(NFS_NAMESPACE, 'privileged'),
];

const namespaceOf = (name: string, level: 'restricted' | 'privileged'): InstallObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name,
    labels: {
      ...labels,
      // Set by hand as well: the webhook keeps away from these namespaces by it, on every version of Kubernetes.
      [NAMESPACE_NAME_LABEL]: name,
      'pod-security.kubernetes.io/enforce': level,
      'pod-security.kubernetes.io/audit': level,
      'pod-security.kubernetes.io/warn': level,
    },
  },
});
