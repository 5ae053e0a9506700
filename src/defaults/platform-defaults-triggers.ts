import type { PlatformDefaults } from '../api/platform-defaults.ts';
import { hasChangedLabels } from '../kube/label-change.ts';
import { type ChangeType, keyOf } from '../kube/store.ts';
import type { PlatformDefaultsTools } from './controller.ts';
import type { Entry } from './entry.ts';
import type { DefaultsInForce } from './in-force.ts';
import { ownerOf } from './provisioning/provision-content.ts';
import { ledgerOwner, ownersIn } from './provisioning/provision-stores.ts';
import { conflictingEntries } from './warnings.ts';

type Tools = Pick<PlatformDefaultsTools, 'stores' | 'inForce'>;

/** Every PlatformDefaults there is, and those that are gone but left something behind. */
export const platformDefaultsKeys = ({ stores }: Tools): readonly string[] => [
  ...stores.platformDefaults.list().map(({ metadata }) => keyOf(metadata)),
  ...ownersIn(stores.provision),
];

/**
 * Adds the keys that a change concerns: of a PlatformDefaults itself and of those it may tie with, of a namespace,
 * of an object that was provisioned, of the source of a copy. Answers how to stop.
 */
export const onPlatformDefaultsTrigger = (tools: Tools, add: (key: string) => void): (() => void) => {
  const { stores, inForce } = tools;
  const addEach = (keys: readonly string[]): void => {
    for (const key of keys) add(key);
  };
  const subscriptions = [
    stores.platformDefaults.onChange((type, defaults, old) => {
      const affected = isSpecChange(type, defaults, old) ? othersAffected(tools, type, defaults) : [];
      addEach([keyOf(defaults.metadata), ...affected]);
    }),
    stores.namespaces.onChange((type, namespace, old) => {
      if (type === 'ADDED' || hasChangedLabels(namespace, old)) addEach(provisioningKeys(inForce));
    }),
    ...stores.provision.observed.map((observed) =>
      observed.onChange((_, object) => addEach([ownerOf(object) ?? []].flat())),
    ),
    stores.provision.ledgers.onChange((_, ledger) => addEach([ledgerOwner(ledger) ?? []].flat())),
    stores.provision.sources.onChange((_, { metadata: { name = '' } }) => addEach(copyingKeys(name, inForce))),
  ];
  return () => {
    for (const unsubscribe of subscriptions) unsubscribe();
  };
};

/** Not for a change of status, which we make ourselves. */
const isSpecChange = (type: ChangeType, { metadata }: PlatformDefaults, old: PlatformDefaults | undefined): boolean =>
  type !== 'MODIFIED' || metadata.generation !== old?.metadata.generation;

/** Those it ties with, before the change or after it; those that miss a part it may bring; those that provide the same. */
const othersAffected = (
  { stores, inForce }: Tools,
  type: ChangeType,
  defaults: PlatformDefaults,
): readonly string[] => {
  const before = inForce.entries();
  if (type === 'DELETED') inForce.remove(defaults);
  else inForce.put(defaults);
  const conflicting = [before, inForce.entries()].flatMap((entries) => {
    const entry = entries.find((one) => entryKey(one) === keyOf(defaults.metadata));
    return entry ? conflictingEntries(entry, entries).map(entryKey) : [];
  });
  const withWarnings = stores.platformDefaults
    .list()
    .filter(hasWarning)
    .map(({ metadata }) => keyOf(metadata));
  return [...new Set([...conflicting, ...withWarnings, ...provisioningKeys(inForce)])];
};

const hasWarning = ({ status }: PlatformDefaults): boolean =>
  status?.conditions?.some(({ reason }) => reason === 'Tied' || reason === 'Incomplete') ?? false;

const entryKey = ({ source }: Entry): string => keyOf(source);

const provisioningKeys = (inForce: DefaultsInForce): readonly string[] =>
  inForce
    .entries()
    .filter(({ spec }) => spec.provision !== undefined)
    .map(entryKey);

const copyingKeys = (name: string, inForce: DefaultsInForce): readonly string[] =>
  inForce
    .entries()
    .filter(({ spec: { provision = {} } }) =>
      (provision.configMaps ?? []).some(({ copyFrom = '' }) => copyFrom === name || copyFrom.includes('${')),
    )
    .map(entryKey);
