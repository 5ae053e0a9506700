import { hash } from 'node:crypto';
import type { KubeObject } from '../../api/kubernetes.ts';
import {
  MANAGED_BY,
  MANAGED_BY_LABEL,
  PROVISION_LEDGER_LABEL,
  PROVISIONED_BY_ANNOTATION,
  PROVISIONED_LABEL,
} from '../../api/names.ts';
import { type Kube, type ObjectKey, resources } from '../../kube/api-server.ts';
import { keyOf, parseKey, type Store } from '../../kube/store.ts';
import { type WatchOptions, watchStore } from '../../kube/stores.ts';
import { metadataOnly, stripManagedFields } from '../../kube/transforms.ts';
import { type DesiredItem, digestOf, type ObservedObject, ownerOf, type Source } from './plan.ts';

/** Narrow caches for `provision`. No data of any ConfigMap stays in memory, a digest of what we made at most; no Secret at all. */
export interface ProvisionStores {
  /** ConfigMaps and claims that carry our label, in every namespace. */
  readonly observed: readonly Store<ObservedObject>[];
  /** What we wrote down of Secrets, which we may not list. */
  readonly ledgers: Store<Ledger>;
  /** Every ConfigMap of the system namespace, without its data: to learn when one changes. */
  readonly sources: Store<KubeObject>;
  readonly synced: Promise<void>;
}

const OWNER = 'owner';

/** Starts the watches; the caches fill in the background until the signal. */
export const watchProvision = (watching: WatchOptions, systemNamespace: string): ProvisionStores => {
  const { configMaps, persistentVolumeClaims } = resources;
  const provisioned = { ...watching, query: { labelSelector: `${PROVISIONED_LABEL}=true` } };
  const observed = [
    watchStore(provisioned, configMaps, observedObject('ConfigMap'), owners),
    watchStore(provisioned, persistentVolumeClaims, observedObject('PersistentVolumeClaim'), owners),
  ];
  const ledgerQuery = { namespace: systemNamespace, labelSelector: `${PROVISION_LEDGER_LABEL}=true` };
  const ledgers = watchStore({ ...watching, query: ledgerQuery }, configMaps, stripManagedFields<Ledger>);
  const sources = watchStore({ ...watching, query: { namespace: systemNamespace } }, configMaps, metadataOnly);
  const synced = Promise.all([...observed, ledgers, sources].map((store) => store.synced)).then(() => undefined);
  return { observed, ledgers, sources, synced };
};

/** What carries our marks and is this owner's, or has the name of something wanted. Secrets aside. */
export const observedFor = (
  { observed }: ProvisionStores,
  owner: string,
  desired: readonly DesiredItem[],
): readonly ObservedObject[] => {
  const own = observed.flatMap((store) => store.byIndex(OWNER, owner));
  const named = desired.flatMap((item) =>
    observed.flatMap((store) => store.get(item) ?? []).filter(({ kind }) => kind === item.kind),
  );
  return [...new Set([...own, ...named])];
};

/** Every owner that something is marked with, whether it still exists or not. */
export const ownersIn = ({ observed, ledgers }: ProvisionStores): readonly string[] => [
  ...new Set([
    ...observed.flatMap((store) => store.list()).flatMap((object) => ownerOf(object) ?? []),
    ...ledgers.list().flatMap((ledger) => ledgerOwner(ledger) ?? []),
  ]),
];

/** The owner a ledger is about. */
export const ledgerOwner = ({ metadata }: Ledger): string | undefined =>
  metadata.annotations?.[PROVISIONED_BY_ANNOTATION];

/** What is observed of an object. */
export const observedObject =
  (kind: DesiredItem['kind']) =>
  (object: ObservedObject): ObservedObject => ({
    ...metadataOnly(object),
    kind,
    digest: digestOf(object),
    ...(object.type !== undefined && { type: object.type }),
  });

const owners = { [OWNER]: (observed: ObservedObject): readonly string[] => [ownerOf(observed) ?? []].flat() };

/** A ConfigMap in the system namespace: the Secrets an owner was given, one `<namespace>/<name>` a line. */
interface Ledger extends KubeObject {
  readonly data?: { readonly secrets?: string };
}

/** The Secrets of one owner while it is being provisioned. */
export interface OpenLedger {
  /** Those among them that are there and carry our marks. */
  readonly copies: readonly ObservedObject[];
  /** Writes down what is left: what is wanted, and what `isGone` does not say of its copies. */
  readonly close: (isGone: (copy: ObservedObject) => boolean) => Promise<void>;
}

/**
 * Whoever may list Secrets may read them all, so we may not: what we made of them is written down before it is made.
 * `desired` are keys (`<namespace>/<name>`); they are added to the ledger at once.
 */
export const openLedger = async (
  owner: string,
  desired: readonly string[],
  kube: Pick<Kube, 'get' | 'apply' | 'remove'>,
  systemNamespace: string,
  signal: AbortSignal,
): Promise<OpenLedger> => {
  const ledgerKey = { namespace: systemNamespace, name: nameFor(owner) };
  const found = await kube.get<Ledger>(resources.configMaps, ledgerKey, signal);
  const before = (found?.data?.secrets ?? '').split('\n').filter((line) => line !== '');
  const write = async (from: readonly string[], to: readonly string[]): Promise<void> => {
    if (from.toSorted().join() === to.toSorted().join()) return;
    if (to.length === 0) await kube.remove(resources.configMaps, ledgerKey, {}, { signal });
    else await kube.apply(resources.configMaps, ledgerFor(owner, ledgerKey, to), { signal });
  };
  const all = [...new Set([...before, ...desired])];
  await write(before, all);
  const copies: ObservedObject[] = [];
  for (const key of all) copies.push(...(await copyAt(key, kube, signal)));
  return {
    copies,
    close: (isGone) => {
      const left = copies
        .filter((copy) => ownerOf(copy) === owner && !isGone(copy))
        .map(({ metadata }) => keyOf(metadata));
      return write(all, [...new Set([...desired, ...left])]);
    },
  };
};

/** A name of its own for each owner, whatever the length of theirs. */
const nameFor = (owner: string): string => `provisioned-${hash('sha256', owner).slice(0, 16)}`;

const ledgerFor = (owner: string, { namespace, name }: ObjectKey, secrets: readonly string[]): Ledger => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    namespace,
    name,
    labels: { [MANAGED_BY_LABEL]: MANAGED_BY, [PROVISION_LEDGER_LABEL]: 'true' },
    annotations: { [PROVISIONED_BY_ANNOTATION]: owner },
  },
  data: { secrets: secrets.toSorted().join('\n') },
});

/** The data are reduced to a digest at once. */
const copyAt = async (
  key: string,
  kube: Pick<Kube, 'get'>,
  signal: AbortSignal,
): Promise<readonly ObservedObject[]> => {
  const found = await kube.get<Source>(resources.secrets, parseKey(key), signal);
  if (found === undefined || ownerOf(found) === undefined) return [];
  const { apiVersion, metadata, type } = found;
  return [{ apiVersion, kind: 'Secret', metadata, digest: digestOf(found), ...(type !== undefined && { type }) }];
};
