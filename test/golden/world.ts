import type { CloudName, Facts, ObjectStoreFact } from '../../src/api/facts.ts';
import { offlineFacts } from '../../src/cli/described-cluster.ts';
import { cloudNamed, verdictFor } from '../../src/clouds/index.ts';
import { indexDefaults } from '../../src/defaults/resolution.ts';
import { validateDefaults } from '../../src/defaults/validation/spec.ts';
import { policyOf, readSettings } from '../../src/settings/config.ts';
import type { Case, Circumstances } from './case.ts';

/** The facts of the cluster a case describes. Throws where one of its PlatformDefaults would not be in force. */
export const factsOf = ({ defaults, circumstances }: Pick<Case, 'defaults' | 'circumstances'>): Facts => {
  const policy = policyOf(readSettings(circumstances.settings ?? {}));
  const flaws = defaults.flatMap((one) => validateDefaults(one, policy).map((flaw) => `${one.metadata.name}: ${flaw}`));
  if (flaws.length > 0) throw new Error(flaws.join('\n'));
  const { cloud = {}, claims = {}, namespaceLabels = {}, cluster = [] } = circumstances;
  const name = (cloud.name ?? 'local') as CloudName;
  const facts = Object.entries(cloud.facts ?? {}).map(
    ([key, value]) => [key, { value, source: 'request.yaml' }] as const,
  );
  return {
    ...offlineFacts({
      cloud: verdictFor(name, Object.fromEntries(facts), ['request.yaml says so.']),
      csiDrivers: cloud.csiDrivers ?? cloudNamed(name)?.usualDrivers ?? [],
      defaults: indexDefaults(defaults, policy),
      policy,
      namespaceLabels,
      objects: cluster,
    }),
    objectStore: (namespace, store) => readyStore(circumstances, `${namespace}/${store}`),
    claimModes: (_, claim) => claims[claim],
  };
};

const readyStore = ({ objectStores = {} }: Circumstances, name: string): ObjectStoreFact | undefined => {
  const store = objectStores[name];
  if (store === undefined) return undefined;
  const { protocol, host, username } = new URL(store.url);
  const provider = protocol === 'gs:' ? 'gcs' : protocol === 'abfss:' ? 'azure' : 's3';
  return { ready: true, bucket: username || host, provider, ...store };
};
