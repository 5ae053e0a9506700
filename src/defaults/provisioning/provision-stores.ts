import type { KubeObject } from '../../api/kubernetes.ts';
import { PROVISION_LEDGER_LABEL, PROVISIONED_BY_ANNOTATION, PROVISIONED_LABEL } from '../../api/names.ts';
import { resources } from '../../kube/api-server.ts';
import type { Store } from '../../kube/store.ts';
import { type Watching, watchStore } from '../../kube/stores.ts';
import { metadataOnly, slim } from '../../kube/transforms.ts';
import type { Ledger } from './observed.ts';
import type { Wanted } from './plan.ts';
import { digestOf, ownerOf } from './provision-content.ts';
import type { Made } from './provision-plan.ts';

/** Narrow caches for `provision`. No data of any ConfigMap stays in memory, a digest of what we made at most; no Secret at all. */
export interface ProvisionStores {
  /** ConfigMaps and claims that carry our label, in every namespace. */
  readonly made: readonly Store<Made>[];
  /** What we wrote down of Secrets, which we may not list. */
  readonly ledgers: Store<Ledger>;
  /** Every ConfigMap of the system namespace, without its data: to learn when one changes. */
  readonly sources: Store<KubeObject>;
  readonly synced: Promise<void>;
}

const OWNER = 'owner';

/** Starts the watches; the caches fill in the background until the signal. */
export const watchProvision = (watching: Watching, systemNamespace: string): ProvisionStores => {
  const { configMaps, persistentVolumeClaims } = resources;
  const provisioned = { ...watching, query: { labelSelector: `${PROVISIONED_LABEL}=true` } };
  const made = [
    watchStore(provisioned, configMaps, madeOf('ConfigMap'), owners),
    watchStore(provisioned, persistentVolumeClaims, madeOf('PersistentVolumeClaim'), owners),
  ];
  const ledgerQuery = { namespace: systemNamespace, labelSelector: `${PROVISION_LEDGER_LABEL}=true` };
  const ledgers = watchStore({ ...watching, query: ledgerQuery }, configMaps, slim<Ledger>);
  const sources = watchStore({ ...watching, query: { namespace: systemNamespace } }, configMaps, metadataOnly);
  const synced = Promise.all([...made, ledgers, sources].map((store) => store.synced)).then(() => undefined);
  return { made, ledgers, sources, synced };
};

/** What carries our marks and is this owner's, or has the name of something wanted. Secrets aside. */
export const madeFor = ({ made }: ProvisionStores, owner: string, wanted: readonly Wanted[]): readonly Made[] => {
  const own = made.flatMap((store) => store.byIndex(OWNER, owner));
  const named = wanted.flatMap((item) =>
    made.flatMap((store) => store.get(item) ?? []).filter(({ kind }) => kind === item.kind),
  );
  return [...new Set([...own, ...named])];
};

/** Every owner that something is marked with, whether it still exists or not. */
export const ownersIn = ({ made, ledgers }: ProvisionStores): readonly string[] => [
  ...new Set([
    ...made.flatMap((store) => store.list()).flatMap((object) => ownerOf(object) ?? []),
    ...ledgers.list().flatMap((ledger) => ledgerOwner(ledger) ?? []),
  ]),
];

/** The owner a ledger is about. */
export const ledgerOwner = ({ metadata }: Ledger): string | undefined =>
  metadata.annotations?.[PROVISIONED_BY_ANNOTATION];

/** What is remembered of an object. */
export const madeOf =
  (kind: Wanted['kind']) =>
  (object: Made): Made => ({
    ...metadataOnly(object),
    kind,
    digest: digestOf(object),
    ...(object.type !== undefined && { type: object.type }),
  });

const owners = { [OWNER]: (made: Made): readonly string[] => [ownerOf(made) ?? []].flat() };
