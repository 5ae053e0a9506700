import { askedBy } from '../defaults/entry.ts';
import type { PreviewCluster } from '../explanation/cluster.ts';
import { installedWebhooks } from '../explanation/webhook-rules.ts';
import type { Core } from './core.ts';

/** What decisions are made from. */
type DecidingCore = Pick<Core, 'facts' | 'defaults' | 'settings'> & {
  readonly stores: Pick<Core['stores'], 'platformDefaults'>;
};

/** The cluster of this moment, as what explains admissions wants it. */
export const clusterOf = ({ facts, defaults, stores, settings }: DecidingCore): PreviewCluster => {
  const entries = defaults.entries();
  const asked = entries.flatMap((entry) => askedBy(entry, facts().cloud.name));
  const validations = stores.platformDefaults
    .list()
    .flatMap(({ metadata }) => defaults.validation(metadata.namespace ?? '', metadata.name ?? '') ?? []);
  return {
    facts: facts(),
    entries,
    invalid: validations.filter(({ violations }) => violations.length > 0),
    webhooks: installedWebhooks(settings.namespace, settings.nfsNamespace, asked, settings),
  };
};
