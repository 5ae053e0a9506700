import { pino } from 'pino';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { OBJECT_STORE_FINALIZER } from '../../../src/api/names.ts';
import type { ObjectStore } from '../../../src/api/object-store.ts';
import type { PlatformDefaults } from '../../../src/api/platform-defaults.ts';
import { parseObjects } from '../../../src/cli/documents.ts';
import { preview } from '../../../src/cli/preview/session.ts';
import { render, renderExplanations } from '../../../src/cli/preview.ts';
import { createDefaultsInForce } from '../../../src/defaults/in-force.ts';
import { statusOf } from '../../../src/defaults/status.ts';
import { warningsOn } from '../../../src/defaults/warnings.ts';
import { installedWebhooks } from '../../../src/explanation/webhook-rules.ts';
import { accessDueMs, desiredAccess } from '../../../src/kinds/object-store/access/keys.ts';
import { accessSecretFor, keyIn } from '../../../src/kinds/object-store/access/secret.ts';
import { modeOf } from '../../../src/kinds/object-store/access/sharing.ts';
import type { BucketConnection, ObservedBucket } from '../../../src/kinds/object-store/providers/bucket.ts';
import { desiredBucket, initialState, type ObservedState } from '../../../src/kinds/object-store/state.ts';
import { nextStep } from '../../../src/kinds/object-store/steps.ts';
import { createStore, keyOf } from '../../../src/kube/store.ts';
import { OBJECT_STORE_INDEXES, SHARED_FROM } from '../../../src/kube/stores.ts';
import type { Work } from '../../fixtures/cost.ts';
import { platformDefaults, system, target } from '../../fixtures/defaults.ts';
import { factsIn, objectStore } from '../../fixtures/object-store.ts';
import { MANY_IN_CALRISSIAN } from './calrissian.ts';
import { claimOf, MANY_CLAIMS } from './claims.ts';
import { confOf, grown, nameOf, type Shape } from './entries.ts';
import { MANY_EXPLAINED } from './explanations.ts';

/** What a tenant has many of, or makes large, that no single review carries. */
export interface WorldCase {
  readonly world: keyof typeof WORLDS;
  readonly shape: Shape;
  /** What of it grows, where that is a choice. */
  readonly field: string;
}

interface World {
  /** How many there are at the most. */
  readonly most: number;
  readonly fields: readonly string[];
  /** Everything it needs is made before the work begins. */
  readonly workOf: (count: number, shape: Shape, field: string) => Work;
}

const team = { namespace: 'team-a' };
const facts = factsIn();
const times = <T>(count: number, make: (at: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, at) => make(at));

/** What the PlatformDefaults of one namespace have in common, by what the comparison of two comes to. */
const ONE_OF_MANY: Readonly<Record<string, (shape: Shape, at: number) => object>> = {
  selector: (shape, at) => ({
    match: { selector: { matchLabels: { app: nameOf(shape, at) } } },
    inject: { sparkConf: { a: `${at}` } },
  }),
  priority: (shape, at) => ({ priority: shape === 'same' ? 1 : at, inject: { labels: { a: `v${at}` } } }),
  variables: (shape, at) => ({
    variables: { [nameOf(shape, at)]: 'x' },
    inject: { sparkConf: { a: `\${missing${at}}` } },
  }),
  audit: (shape, at) => ({
    mode: 'Audit',
    match: { selector: { matchLabels: { [nameOf(shape, at)]: 'x' } } },
    inject: { labels: { a: 'b' } },
  }),
  /** All of them are found by one label that the object has; what else they ask for it has too, or lacks. */
  label: (shape, at) => ({
    match: { selector: { matchLabels: ONE_LABEL, matchExpressions: [lacking(shape, at)] } },
    inject: { sparkConf: { [`spark.n${at}`]: `${at}` } },
  }),
  exporter: (_, at) => ({ inject: { prometheus: { configFile: `/etc/metrics/${at}.yaml` } } }),
};

const ONE_LABEL = { team: 'a' };
const lacking = (shape: Shape, at: number) =>
  shape === 'prefix'
    ? { key: `n${at}`, operator: 'NotIn' as const, values: Array.from({ length: 50 }, (_, value) => `v${value}`) }
    : { key: shape === 'deep' ? 'team' : nameOf(shape, at), operator: 'DoesNotExist' as const };

/** One PlatformDefaults that is as large as may be; lists longer than the schema lets them be come from files. */
const largeDefaults = (count: number, shape: Shape, field: string): PlatformDefaults => {
  const names = times(count, (at) => nameOf(shape, at));
  const map = Object.fromEntries(times(count, (at) => [`n${at}`, 'y']));
  const specs: Readonly<Record<string, object>> = {
    variables: { variables: map, inject: { sparkConf: { a: 'b' } } },
    undefined: { inject: { sparkConf: Object.fromEntries(names.map((name, at) => [`spark.n${at}`, `\${${name}}`])) } },
    text: { inject: { sparkConf: { a: names.map((name) => `\${labels.${name}}`).join('') } } },
    sparkConf: { inject: { sparkConf: confOf(count, shape) } },
    matchLabels: { match: { selector: { matchLabels: map } }, inject: { sparkConf: { a: 'b' } } },
    data: { inject: { labels: { a: 'b' } }, provision: { configMaps: [{ name: 'c', data: map }] } },
    kinds: { match: { kinds: times(count, () => 'SparkApplication') }, inject: { labels: { a: 'b' } } },
  };
  const known = [
    'labels',
    'annotations',
    'hadoopConf',
    'nodeSelector',
    'env',
    'envFrom',
    'configMaps',
    'secrets',
    'tolerations',
    'hostAliases',
  ];
  const inject = known.includes(field)
    ? {
        inject: {
          [field]: grown(
            field,
            !Object.hasOwn({ labels: 1, annotations: 1, hadoopConf: 1, nodeSelector: 1 }, field),
            undefined,
            count,
            shape,
          ),
        },
      }
    : undefined;
  return platformDefaults('large', inject ?? specs[field] ?? {}, field === 'data' ? {} : team);
};

const judge = (list: readonly PlatformDefaults[]): void => {
  const inForce = createDefaultsInForce(system);
  for (const defaults of list) inForce.put(defaults);
  for (const entry of inForce.entries()) warningsOn(entry, inForce, () => false);
  for (const defaults of list) {
    const { namespace = '', name = '' } = defaults.metadata;
    const validation = inForce.validation(namespace, name);
    if (validation !== undefined)
      statusOf({ ...validation, warnings: [], provision: undefined, tally: undefined }, '2026-01-01T00:00:00Z');
  }
  for (const app of ['n', 'n0']) inForce.index().resolve(target({ labels: { app, ...ONE_LABEL } }));
};

const NOW = new Date('2026-01-02T00:00:00Z');
const BUCKET = { isOurs: true, isOthers: false, isSameAccount: true, canCarryMark: true, location: undefined };
const CONNECTION = { url: 's3a://bucket', host: 's3.example.com', region: 'eu-west-1' };
const KEY = { id: 'key', secret: 'secret' };
const RECORD = { issuedAt: '2026-01-01T00:00:00Z', rotation: '', formerKeys: [], formerUntil: '' };

/** Users, keys and the Secret, where all else is as it should be. */
const giveAccess = (store: ObjectStore, observed: ObservedState): void => {
  if (store.spec.access === undefined) return;
  const { serviceAccount } = store.spec.access;
  desiredAccess(store, { mode: modeOf(store, observed.sharing), encryptionKey: undefined, serviceAccount });
  const secret = accessSecretFor(store, CONNECTION as BucketConnection, KEY, RECORD);
  const access = {
    user: { isGranted: true, keys: [KEY.id] },
    secret: { ...RECORD, keyId: keyIn(secret).id, isCurrent: false },
  };
  nextStep({ ...observed, bucket: BUCKET as ObservedBucket, connection: 'current', access }, NOW);
  accessDueMs(store.spec.access, access, NOW);
};

/** What the controller makes of each, but the calls. */
const reconcileAll = (list: readonly ObjectStore[]): void => {
  const stores = createStore<ObjectStore>(pino({ level: 'silent' }), OBJECT_STORE_INDEXES);
  for (const store of list) stores.put(store);
  const others = {
    get: stores.get,
    sharing: (metadata: ObjectStore['metadata']) => stores.byIndex(SHARED_FROM, keyOf(metadata)),
  };
  for (const store of stores.list()) {
    const observed = initialState(store, facts.cloud, facts.policy, others);
    nextStep(observed, NOW);
    desiredBucket(store, observed.placement, 'cluster');
    giveAccess(store, observed);
  }
};

const namedStore = (shape: Shape, at: number, spec: object): ObjectStore =>
  objectStore(
    { name: `bucket-${at}`, ...spec },
    { ...team, name: `n${at}`, uid: `u${at}`, labels: { a: nameOf(shape, at) } },
  );

const KEYS_OUT = { ownership: 'Created', access: { user: 'user', secretName: 'secret' } } as const;
const withKeys = ({ spec, metadata }: ObjectStore): ObjectStore =>
  objectStore(spec, metadata, KEYS_OUT as NonNullable<ObjectStore['status']>);

const MANY_STORES: Readonly<Record<string, (shape: Shape, at: number) => ObjectStore>> = {
  alone: (shape, at) => namedStore(shape, at, {}),
  sharing: (shape, at) =>
    namedStore(shape, at, {
      sharedFrom: { namespace: 'team-a', name: `n${shape === 'same' ? 0 : at + 1}` },
      access: {},
    }),
  access: (shape, at) => namedStore(shape, at, { access: { rotateAfterDays: 1, rotation: nameOf(shape, at) } }),
  identity: (shape, at) => namedStore(shape, at, { access: { serviceAccount: nameOf(shape, at) } }),
  /** One bucket that all the others have keys for, and that is being deleted. */
  leaving: (shape, at) => {
    const owner = { namespace: 'team-a', name: 'n0' };
    if (at > 0) return withKeys(namedStore(shape, at, { sharedFrom: owner, access: {} }));
    const store = withKeys(namedStore(shape, at, { grants: [{ namespace: 'team-a' }] }));
    const deletionTimestamp = '2026-01-01T00:00:00Z';
    return { ...store, metadata: { ...store.metadata, deletionTimestamp, finalizers: [OBJECT_STORE_FINALIZER] } };
  },
  granting: (shape, at) => namedStore(shape, at, { grants: [{ namespace: 'team-b' }] }),
};

const largeStore = (count: number, shape: Shape, field: string): ObjectStore => {
  const metadata = ['labels', 'annotations', 'ownerReferences', 'finalizers'];
  const value = grown(
    field,
    !['labels', 'annotations'].includes(field),
    field === 'finalizers' ? 'f' : undefined,
    count,
    shape,
  );
  if (metadata.includes(field)) return objectStore({}, { ...team, [field]: value });
  const rules: Readonly<Record<string, unknown>> = {
    lifecycle: times(count, (at) => ({ prefix: nameOf(shape, at), expireDays: 1 })),
    grants: times(count, (at) => ({ namespace: nameOf(shape, at) })),
    bucketLabels: Object.fromEntries(times(count, (at) => [`n${at}`, 'y'])),
  };
  return objectStore({ [field === 'bucketLabels' ? 'labels' : field]: rules[field] }, team);
};

const webhooks = installedWebhooks(system.systemNamespace, 'nfs');

const previewAll = (text: string): void => {
  const objects = parseObjects('input.yaml', text);
  const documents = preview(objects, { facts, entries: [], invalid: [], webhooks }, 'team-a');
  render(documents, 'patch', false);
  renderExplanations(documents);
};

const DOCUMENTS: Readonly<Record<string, (shape: Shape, at: number) => KubeObject>> = {
  stores: (shape, at) => namedStore(shape, at, {}),
  claims: (shape, at) => claimOf(`n${at}`, nameOf(shape, at)),
  pods: (shape, at) => podOf(`n${at}`, nameOf(shape, at)),
};
const podOf = (name: string, claimName: string): KubeObject & { readonly spec: object } => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, ...team },
  spec: { containers: [{ name: 'main', image: 'i' }], volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }] },
});

export const WORLDS = {
  'a namespace for Calrissian': {
    most: 20_000,
    fields: Object.keys(MANY_IN_CALRISSIAN),
    workOf: (count, shape, field) => MANY_IN_CALRISSIAN[field]?.(count, shape) ?? (() => undefined),
  },
  'claims of one namespace': {
    most: 20_000,
    fields: Object.keys(MANY_CLAIMS),
    workOf: (count, shape, field) => MANY_CLAIMS[field]?.(count, shape) ?? (() => undefined),
  },
  'PlatformDefaults of one namespace': {
    most: 3_000,
    fields: Object.keys(ONE_OF_MANY),
    workOf: (count, shape, field) => {
      const list = times(count, (at) => platformDefaults(`d${at}`, ONE_OF_MANY[field]?.(shape, at) ?? {}, team));
      return () => judge(list);
    },
  },
  'one large PlatformDefaults': {
    most: 30_000,
    fields: [
      ...['variables', 'undefined', 'text', 'sparkConf', 'matchLabels', 'data', 'kinds', 'labels', 'annotations'],
      ...['hadoopConf', 'nodeSelector', 'env', 'envFrom', 'configMaps', 'secrets', 'tolerations', 'hostAliases'],
    ],
    workOf: (count, shape, field) => {
      const large = largeDefaults(count, shape, field);
      return () => judge([large]);
    },
  },
  'ObjectStores of one namespace': {
    most: 10_000,
    fields: Object.keys(MANY_STORES),
    workOf: (count, shape, field) => {
      const list = times(count, (at) => MANY_STORES[field]?.(shape, at) ?? objectStore());
      return () => reconcileAll(list);
    },
  },
  'one large ObjectStore': {
    most: 30_000,
    fields: ['labels', 'annotations', 'ownerReferences', 'finalizers', 'lifecycle', 'grants', 'bucketLabels'],
    workOf: (count, shape, field) => {
      const large = largeStore(count, shape, field);
      return () => reconcileAll([large]);
    },
  },
  'what is explained and reported': {
    most: 3_000,
    fields: Object.keys(MANY_EXPLAINED),
    workOf: (count, shape, field) => MANY_EXPLAINED[field]?.(count, shape) ?? (() => undefined),
  },
  'a file for preview': {
    most: 1_500,
    fields: Object.keys(DOCUMENTS),
    workOf: (count, shape, field) => {
      const text = times(count, (at) => JSON.stringify(DOCUMENTS[field]?.(shape, at))).join('\n---\n');
      return () => previewAll(text);
    },
  },
} as const satisfies Readonly<Record<string, World>>;

/** The work at `share` of the most there may be. */
export const worldAt = ({ world, shape, field }: WorldCase, share: number): Work => {
  const { most, workOf } = WORLDS[world] as World;
  return workOf(Math.floor(most * share), shape, field);
};
