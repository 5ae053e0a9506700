import { DEPLOYMENT_NAME, GROUP, OBJECT_STORE_GROUP, SETTINGS_CONFIG_MAP, STATUS_URL } from '../api/names.ts';
import { type InstallObject, type InstallOptions, labels, NAME } from './options.ts';
import { allow, type PolicyRule, RBAC_VERSION, type UrlRule } from './rbac.ts';

const PLATFORM_ADMIN = `${NAME}-platform-admin`;
const READ = 'get list watch';
const WRITE = 'create update patch delete deletecollection';
const KINDS = [
  [GROUP, 'platformdefaults'],
  [OBJECT_STORE_GROUP, 'objectstores'],
] as const;

const both = (verbs: string, subresource = ''): readonly PolicyRule[] =>
  KINDS.map(([group, plural]) => allow(group, `${plural}${subresource}`, verbs));

/** What is added to Kubernetes' own `view` and `edit`, and with `edit` to `admin`, wherever these are bound. */
const aggregated = {
  view: [...both(READ), ...both('get', '/status')],
  edit: both(WRITE),
} as const satisfies Readonly<Record<string, readonly PolicyRule[]>>;

/** What runs Quartermaster for a platform needs, and no Secret: defaults and buckets anywhere, and what was made of them. */
const platformAdmin: readonly (PolicyRule | UrlRule)[] = [
  ...both(`${READ} ${WRITE}`),
  ...both('get', '/status'),
  allow('storage.k8s.io', 'storageclasses', READ),
  allow('admissionregistration.k8s.io', 'mutatingwebhookconfigurations', READ),
  allow('admissionregistration.k8s.io', 'mutatingwebhookconfigurations', 'update patch delete', [NAME]),
  // The status page of the whole cluster.
  { nonResourceURLs: [STATUS_URL], verbs: ['get'] },
];

/** In the system namespace: settings, how many replicas, and what they say. */
const platformOperator: readonly PolicyRule[] = [
  allow('', 'configmaps', 'get update patch delete', [SETTINGS_CONFIG_MAP]),
  // Creating cannot be limited by name.
  allow('', 'configmaps', 'create'),
  allow('', 'pods pods/log events services', READ),
  allow('apps', 'deployments replicasets', READ),
  allow('apps', 'deployments/scale', 'get update patch', [DEPLOYMENT_NAME]),
];

/**
 * Roles for people. A namespace's `view`, `edit` and `admin` read, respectively write, PlatformDefaults and ObjectStores there without
 * anything being bound; `quartermaster-platform-admin`, and the Role of that name beside the Deployment, are bound to nobody yet.
 */
export const peopleObjects = ({ namespace }: InstallOptions): readonly InstallObject[] => [
  ...Object.entries(aggregated).map(([role, rules]) => ({
    ...head('ClusterRole', `${NAME}-${role}`, {
      labels: { ...labels, [`rbac.authorization.k8s.io/aggregate-to-${role}`]: 'true' },
    }),
    rules,
  })),
  { ...head('ClusterRole', PLATFORM_ADMIN, { labels }), rules: platformAdmin },
  { ...head('Role', PLATFORM_ADMIN, { namespace, labels }), rules: platformOperator },
];

const head = (kind: string, name: string, metadata: InstallObject['metadata']): InstallObject => ({
  apiVersion: RBAC_VERSION,
  kind,
  metadata: { name, ...metadata },
});
