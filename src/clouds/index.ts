import type { ClassOption, CloudFacts, CloudName, CloudVerdict } from '../api/facts.ts';
import { agnosticOptions, localPathByName } from './agnostic.ts';
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

export const cloudNamed = (name: CloudName): Cloud | undefined => clouds.find((cloud) => cloud.name === name);

/** What a cloud and its facts come to, however they were found out. */
export const verdictFor = (name: CloudName, facts: CloudFacts, notes: readonly string[]): CloudVerdict => ({
  name,
  facts,
  classOptions: classOptionsOf(name),
  notes,
});

const classOptionsOf = (name: CloudName): readonly ClassOption[] =>
  cloudNamed(name)?.classOptions ?? commonOptions(name);
