import type { KubeObject, OwnerReference } from '../../api/kubernetes.ts';
import {
  FAIL_CLOSED_BINDING,
  GROUP,
  installedName,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  PROBE_RESOURCE,
  SHIPPED_ROLES,
} from '../../api/names.ts';
import { type Kube, resources } from '../../kube/api-server.ts';

const VERB = 'answer';

/** What the ClusterRole of the install grants, and the RoleBinding in `namespace` gives to the account. */
export const failClosedPermission = { group: GROUP, resource: PROBE_RESOURCE, verb: VERB } as const;

/**
 * CEL: whether the account may answer admissions, by RBAC. The permission is bound in the namespace of the install and the binding
 * belongs to the Deployment, so that it ends with either, whoever deletes them and whether or not a replica lives to see it.
 */
export const failClosedExpression = ({
  namespace,
  name,
}: {
  readonly namespace: string;
  readonly name: string;
}): string =>
  `authorizer.serviceAccount('${namespace}', '${name}').group('${GROUP}').resource('${PROBE_RESOURCE}')` +
  `.namespace('${namespace}').check('${VERB}').allowed()`;

interface RoleBinding extends KubeObject {
  readonly roleRef: object;
  readonly subjects: readonly object[];
}

interface BindingOptions {
  readonly kube: Pick<Kube, 'get' | 'apply' | 'remove'>;
  readonly account: { readonly namespace: string; readonly name: string };
  readonly signal: AbortSignal;
}

/** From now on the API server asks the webhooks that fail closed, until the binding or its owner is deleted. */
export const bindFailClosed = async (
  { kube, account, signal }: BindingOptions,
  owner: OwnerReference,
): Promise<void> => {
  const live = await kube.get(resources.roleBindings, keyOf(account), signal);
  if (live?.metadata.ownerReferences?.some(({ uid }) => uid === owner.uid)) return;
  // One whose owner was another Deployment is about to be collected with it.
  if (live !== undefined) await kube.remove(resources.roleBindings, keyOf(account), {}, { signal });
  await kube.apply(resources.roleBindings, bindingOf(account, owner), { signal });
};

/** From now on the API server asks the webhooks that ignore failures instead. */
export const unbindFailClosed = async ({ kube, account, signal }: BindingOptions): Promise<void> => {
  const live = await kube.get(resources.roleBindings, keyOf(account), signal);
  if (live !== undefined) await kube.remove(resources.roleBindings, keyOf(account), {}, { signal });
};

const keyOf = ({ namespace }: BindingOptions['account']) => ({ namespace, name: FAIL_CLOSED_BINDING });

const bindingOf = (account: BindingOptions['account'], owner: OwnerReference): RoleBinding => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'RoleBinding',
  metadata: {
    ...keyOf(account),
    labels: { 'app.kubernetes.io/name': 'quartermaster', [MANAGED_BY_LABEL]: MANAGED_BY },
    ownerReferences: [owner],
  },
  roleRef: {
    apiGroup: 'rbac.authorization.k8s.io',
    kind: 'ClusterRole',
    name: installedName(SHIPPED_ROLES.failClosed, account.name),
  },
  subjects: [{ kind: 'ServiceAccount', ...account }],
});
