import type { CloudFacts, CloudVerdict, Facts } from '../api/facts.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import type { PlatformDefaults } from '../api/platform-defaults.ts';
import { FACT_NAMES } from '../cloud/cloud.ts';
import { clouds } from '../cloud/index.ts';
import { policyOf, type Settings } from '../config.ts';
import { indexDefaults } from '../defaults/index.ts';
import { validateDefaults } from '../defaults/validate.ts';
import { AppError } from '../errors.ts';
import { place, readObjects, type SourcedObject } from './documents.ts';
import { offlineFacts } from './offline-facts.ts';

/** The flags that describe a cluster which is not there. */
export interface WorldOptions {
  readonly cloud: string;
  readonly fact?: readonly string[];
  readonly csiDrivers?: string;
  readonly defaults?: readonly string[];
  readonly namespaceLabels?: string;
}

/** The facts that flags and the manifests under preview describe. Throws AppError('InvalidInput') naming the flag that is wrong. */
export const describedFacts = (options: WorldOptions, settings: Settings, objects: readonly KubeObject[]): Facts => {
  const policy = policyOf(settings);
  const cloud = clouds.find(({ name }) => name === options.cloud);
  if (cloud === undefined && options.cloud !== 'unknown') {
    throw new AppError('InvalidInput', `--cloud ${options.cloud} is not known; use one of ${clouds.map(({ name }) => name).join(', ')}.`);
  }
  const verdict: CloudVerdict = {
    name: cloud?.name ?? 'unknown',
    facts: givenFacts(options.fact ?? []),
    offers: cloud?.offers ?? [],
    notes: [cloud === undefined ? 'No cloud was named; give one with --cloud.' : `--cloud ${cloud.name}`],
  };
  return offlineFacts({
    cloud: verdict,
    csiDrivers: options.csiDrivers === undefined ? (cloud?.usualDrivers ?? []) : listOf(options.csiDrivers),
    defaults: indexDefaults(readDefaults(options.defaults ?? []), { systemNamespace: policy.systemNamespace }),
    policy,
    namespaceLabels: Object.fromEntries(listOf(options.namespaceLabels ?? '').map((pair) => pairOf('--namespace-labels', pair))),
    objects,
  });
};

const givenFacts = (pairs: readonly string[]): CloudFacts =>
  Object.fromEntries(
    pairs.flatMap(listOf).map((pair) => {
      const [name, value] = pairOf('--fact', pair);
      if (!Object.hasOwn(FACT_NAMES, name)) {
        throw new AppError('InvalidInput', `--fact ${name} is not known; the facts are ${Object.keys(FACT_NAMES).join(', ')}.`);
      }
      return [name, { value, source: `--fact ${name}` }];
    }),
  );

const readDefaults = (files: readonly string[]): readonly PlatformDefaults[] => readObjects(files).filter(isDefaults).map(asDefaults);

const isDefaults = ({ object }: SourcedObject): boolean => object.kind === 'PlatformDefaults';

const asDefaults = ({ source, object }: SourcedObject): PlatformDefaults => {
  const defaults = object as PlatformDefaults;
  const [flaw] = validateDefaults(defaults);
  if (flaw !== undefined) throw new AppError('InvalidInput', `${place(source)}: ${flaw}`);
  return defaults;
};

const listOf = (text: string): readonly string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

const pairOf = (flag: string, pair: string): readonly [string, string] => {
  const at = pair.indexOf('=');
  if (at < 1) throw new AppError('InvalidInput', `${flag} ${pair} is not name=value.`);
  return [pair.slice(0, at), pair.slice(at + 1)];
};
