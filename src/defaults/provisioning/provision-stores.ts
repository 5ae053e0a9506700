import type { KubeObject } from '../../api/kubernetes.ts';
import { PROVISION_LEDGER_LABEL, PROVISIONED_BY_ANNOTATION, PROVISIONED_LABEL } from '../../api/names.ts';
import { resources } from '../../kube/api-server.ts';
import type { Store } from '../../kube/store.ts';
import { type WatchOptions, watchStore } from '../../kube/stores.ts';
import { metadataOnly, stripManagedFields } from '../../kube/transforms.ts';
import type { Ledger } from './observed.ts';
import type { DesiredItem } from './plan.ts';
import { digestOf, ownerOf } from './provision-content.ts';
import type { ObservedObject } from './provision-plan.ts';

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
