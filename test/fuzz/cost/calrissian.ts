import { pino } from 'pino';
import type { CalrissianPolicy } from '../../../src/api/facts.ts';
import type { KubeObject, PersistentVolumeClaim } from '../../../src/api/kubernetes.ts';
import { CALRISSIAN_LABEL, MANAGED_BY, MANAGED_BY_LABEL } from '../../../src/api/names.ts';
import { createDefaultsInForce } from '../../../src/defaults/in-force.ts';
import { reconcileCalrissian } from '../../../src/kinds/calrissian/controller.ts';
import type { Kube, ObjectKey } from '../../../src/kube/api-server.ts';
import { createStore, keyOf, type WritableStore } from '../../../src/kube/store.ts';
import type { Work } from '../../fixtures/cost.ts';
import { platformDefaults, system } from '../../fixtures/defaults.ts';
import { factsIn } from '../../fixtures/object-store.ts';
import { nameOf, type Shape } from './entries.ts';

const NAMESPACE = 'team-a';
const OURS = { [MANAGED_BY_LABEL]: MANAGED_BY, [CALRISSIAN_LABEL]: 'enabled' };
const calrissian: CalrissianPolicy = {
  serviceAccounts: ['openeo:driver', 'openeo:web'],
  bucket: { name: 'bucket' },
  secret: 'kube-system/s3',
};
const { policy, ...rest } = factsIn();
const facts = { ...rest, policy: { ...policy, calrissian } };

const namespace = (name: string, labels = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, uid: `uid-of-${name}`, labels },
});
const named = (kind: string, name: string): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: NAMESPACE, uid: `uid-of-${name}`, labels: OURS },
});

/** An API server that has what it is told of, and forgets what is removed. */
const kubeOf = (): Kube => {
  const objects = new Map<string, KubeObject>();
  const put = (_: unknown, object: KubeObject): Promise<KubeObject> => {
    objects.set(`${object.kind} ${keyOf(object.metadata)}`, object);
    return Promise.resolve(object);
  };
  const get = ({ kind }: { readonly kind: string }, key: ObjectKey): Promise<KubeObject | undefined> =>
    Promise.resolve(objects.get(`${kind} ${keyOf(key)}`));
  return { get, create: put, apply: put, remove: () => Promise.resolve() } as unknown as Kube;
};

const storeOf = <T extends KubeObject>(list: readonly T[]): WritableStore<T> => {
  const store = createStore<T>(pino({ level: 'silent' }), {
    namespace: ({ metadata }) => [metadata.namespace ?? ''],
  });
  for (const object of list) store.put(object);
  return store;
};

/** What a namespace for Calrissian may have many of, or what there may be many of beside it. */
export const MANY_IN_CALRISSIAN: Readonly<Record<string, (count: number, shape: Shape) => Work>> = {
  made: (count, shape) => reconciling({ made: times(count, (at) => named('ConfigMap', `${nameOf(shape, at)}-${at}`)) }),
  claims: (count) =>
    reconciling({
      made: [named('ConfigMap', 'made')],
      claims: times(count, (at) => named('PersistentVolumeClaim', `c${at}`)),
    }),
  defaults: (count, shape) =>
    reconciling({
      defaults: times(count, (at) => {
        const provision = {
          configMaps: [{ name: at % 2 === 0 ? 'calrissian-defaults' : nameOf(shape, at), data: {} }],
        };
        const selector = { matchLabels: { [nameOf(shape, at)]: 'x' } };
        return platformDefaults(`d${at}`, { match: { namespaceSelector: selector }, provision });
      }),
    }),
  namespaces: (count) => reconciling({ namespaces: count / 50 }),
};

const times = <T>(count: number, make: (at: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, at) => make(at));

interface Furnished {
  readonly made?: readonly KubeObject[];
  readonly claims?: readonly PersistentVolumeClaim[];
  readonly defaults?: readonly ReturnType<typeof platformDefaults>[];
  readonly namespaces?: number;
}

/** The namespaces are made ready, then lose the label. */
const reconciling = ({ made = [], claims = [], defaults = [], namespaces = 1 }: Furnished): Work => {
  const inForce = createDefaultsInForce(system);
  for (const one of defaults) inForce.put(one);
  const names = [NAMESPACE, ...times(namespaces - 1, (at) => `team-b${at}`)];
  const none = storeOf<never>([]);
  const all = storeOf(names.map((name) => namespace(name, OURS)));
  const stores = {
    ...{ namespaces: all, storageClasses: none, csiDrivers: none, objectStores: none, platformDefaults: none },
    claims: storeOf(claims),
    made: [none, storeOf(made)],
  };
  const events = { record: () => undefined };
  const reconcile = reconcileCalrissian({ kube: kubeOf(), stores, inForce, facts: () => facts, events });
  const signal = AbortSignal.timeout(600_000);
  return async () => {
    for (const name of names) await reconcile(name, signal);
    for (const name of names) all.put(namespace(name));
    for (const name of names) await reconcile(name, signal);
  };
};
