import type { CalrissianPolicy } from '../../api/facts.ts';
import type { AccessMode, ConfigMap, KubeObject, PersistentVolumeClaim } from '../../api/kubernetes.ts';
import {
  CALRISSIAN_CLASS,
  CALRISSIAN_DEFAULTS,
  CALRISSIAN_ENABLED,
  CALRISSIAN_LABEL,
  installedName,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  SHIPPED_ROLES,
} from '../../api/names.ts';

export interface RoleBinding extends KubeObject {
  readonly roleRef: { readonly apiGroup: string; readonly kind: string; readonly name: string };
  readonly subjects: readonly { readonly kind: string; readonly name: string; readonly namespace: string }[];
}

const CLAIMS: Readonly<Record<string, readonly AccessMode[]>> = {
  'calrissian-input-data': ['ReadWriteOnce', 'ReadOnlyMany'],
  'calrissian-tmpout': ['ReadWriteMany'],
  'calrissian-output-data': ['ReadWriteMany'],
};

/** The claims that a namespace gets with the label for Calrissian. */
export const CALRISSIAN_CLAIMS: readonly string[] = Object.keys(CLAIMS);

/** What a namespace holds that is ready for Calrissian, beside the StorageClass all such namespaces share. */
export interface CalrissianObjects {
  readonly roleBindings: readonly RoleBinding[];
  readonly defaults: ConfigMap;
  readonly claims: readonly PersistentVolumeClaim[];
}

/**
 * Everything that openEO's guide for Calrissian has people make by hand in a namespace, by the names it gives, but for the
 * RoleBindings of the default account: pycalrissian makes its own under those names, and keeps what it finds there.
 */
export const calrissianObjects = (
  namespace: string,
  { serviceAccounts, account }: CalrissianPolicy,
): CalrissianObjects => ({
  roleBindings: [
    roleBinding(
      namespace,
      'quartermaster-pod-manager-default',
      installedName(SHIPPED_ROLES.calrissianPodManager, account),
      [`${namespace}:default`],
    ),
    roleBinding(
      namespace,
      'quartermaster-log-reader-default',
      installedName(SHIPPED_ROLES.calrissianLogReader, account),
      [`${namespace}:default`],
    ),
    // Two accounts may come to one name in the guide's way of naming: a-b:c and a:b-c.
    ...[...Map.groupBy(serviceAccounts, dashed)].flatMap(([name, accounts]) => [
      roleBinding(
        namespace,
        `job-manager-${name}`,
        installedName(SHIPPED_ROLES.calrissianJobManager, account),
        accounts,
      ),
      roleBinding(namespace, `pvc-reader-${name}`, installedName(SHIPPED_ROLES.calrissianPvcReader, account), accounts),
    ]),
  ],
  defaults: {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadataOf(namespace, CALRISSIAN_DEFAULTS),
    data: { 'default.json': `${JSON.stringify(DEFAULTS, null, 2)}\n` },
  },
  claims: Object.entries(CLAIMS).map(([name, modes]) => claim(namespace, name, modes)),
});

/** Calrissian refuses to start without these two; openEO's launcher gives the same. What a job says itself wins. */
const DEFAULTS = { max_ram: '128G', max_cores: '1000' };

const dashed = (account: string): string => account.replace(':', '-');

const metadataOf = (namespace: string, name: string) => ({
  name,
  namespace,
  labels: { [MANAGED_BY_LABEL]: MANAGED_BY, [CALRISSIAN_LABEL]: CALRISSIAN_ENABLED },
});

const roleBinding = (namespace: string, name: string, role: string, accounts: readonly string[]): RoleBinding => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'RoleBinding',
  metadata: metadataOf(namespace, name),
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
  subjects: accounts.map(serviceAccount),
});

const serviceAccount = (account: string): RoleBinding['subjects'][number] => {
  const [namespace = '', name = ''] = account.split(':');
  return { kind: 'ServiceAccount', name, namespace };
};

const claim = (namespace: string, name: string, accessModes: readonly AccessMode[]): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: metadataOf(namespace, name),
  spec: { accessModes, storageClassName: CALRISSIAN_CLASS, resources: { requests: { storage: '1Gi' } } },
});
