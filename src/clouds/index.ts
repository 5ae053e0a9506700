import type {
  ClassOption,
  ClassVocabulary,
  CloudFacts,
  CloudName,
  CloudVerdict,
  Tier,
  VolumeType,
} from '../api/facts.ts';
import { AGNOSTIC_WORDS, agnosticOptions, localPathByName } from './agnostic.ts';
import { alibaba } from './alibaba.ts';
import { aws } from './aws.ts';
import { azure } from './azure.ts';
import type { Cloud } from './cloud.ts';
import { digitalocean } from './digitalocean.ts';
import { gcp } from './gcp.ts';
import { hetzner } from './hetzner.ts';
import { local } from './local.ts';
import { openstack } from './openstack.ts';
import { oracle } from './oracle.ts';

const commonOptions = (name: CloudName): readonly ClassOption[] =>
  name === 'local' ? agnosticOptions : [...agnosticOptions, localPathByName];

/** Every cloud, the first to be believed first, where several answer. A new cloud is one file and one name here. */
export const clouds: readonly Cloud[] = [azure, gcp, oracle, digitalocean, hetzner, openstack, aws, alibaba, local].map(
  (cloud) => ({ ...cloud, classOptions: [...commonOptions(cloud.name), ...cloud.classOptions] }),
);

/** What may stand in a class's name: gathered once, from the tables of all clouds. */
const vocabulary: ClassVocabulary = {
  words: new Set([
    ...AGNOSTIC_WORDS,
    ...clouds.flatMap(({ words, classOptions }) => [...words, ...classOptions.flatMap(wordsOfOption)]),
  ]),
  types: new Map(
    [...Map.groupBy(clouds.flatMap(typesOfCloud), ({ phrase }) => phrase)].map(([phrase, all]) => [
      phrase,
      { clouds: [...new Set(all.map(({ cloud }) => cloud))], tier: all[0]?.tier ?? 'standard' },
    ]),
  ),
};

function wordsOfOption({ words = [], types = {} }: ClassOption): readonly string[] {
  return [...words, ...Object.keys(types).flatMap((phrase) => phrase.split('-'))];
}

function typesOfCloud({ name, classOptions }: Cloud): readonly {
  readonly phrase: string;
  readonly cloud: CloudName;
  readonly tier: Tier;
}[] {
  return classOptions.flatMap(({ types = {}, tiers }) =>
    Object.entries(types).map(([phrase, type]) => ({ phrase, cloud: name, tier: tierElsewhere(type, tiers.standard) })),
  );
}

/** What a type comes to where it is not to be had: its tier by its price, at home. */
function tierElsewhere({ cost = 0 }: VolumeType, { cost: standard = 0 }: VolumeType): Tier {
  if (cost === standard) return 'standard';
  return cost > standard ? 'fast' : 'slow';
}

export const cloudNamed = (name: CloudName): Cloud | undefined => clouds.find((cloud) => cloud.name === name);

/** What a cloud and its facts come to, however they were found out. */
export const verdictFor = (name: CloudName, facts: CloudFacts, notes: readonly string[]): CloudVerdict => ({
  name,
  facts,
  classOptions: classOptionsOf(name),
  vocabulary,
  notes,
});

const classOptionsOf = (name: CloudName): readonly ClassOption[] =>
  cloudNamed(name)?.classOptions ?? commonOptions(name);
