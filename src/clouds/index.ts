import type { CloudFacts, CloudName, CloudVerdict, StorageOffer } from '../api/facts.ts';
import { anywhereOffers, localPathByName } from './agnostic.ts';
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

const namedOffers = (name: CloudName): readonly StorageOffer[] =>
  name === 'local' ? anywhereOffers : [...anywhereOffers, localPathByName];

/** Every cloud, the first to be believed first, where several answer. A new cloud is one file and one name here. */
export const clouds: readonly Cloud[] = [azure, gcp, oracle, digitalocean, hetzner, openstack, aws, alibaba, local].map(
  (cloud) => ({ ...cloud, offers: [...namedOffers(cloud.name), ...cloud.offers] }),
);

export const cloudNamed = (name: CloudName): Cloud | undefined => clouds.find((cloud) => cloud.name === name);

/** What a cloud and its facts come to, however they were found out. */
export const verdictFor = (name: CloudName, facts: CloudFacts, notes: readonly string[]): CloudVerdict => ({
  name,
  facts,
  offers: offersOf(name),
  notes,
});

const offersOf = (name: CloudName): readonly StorageOffer[] => cloudNamed(name)?.offers ?? namedOffers(name);
