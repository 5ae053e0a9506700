import type { CloudVerdict } from '../api/facts.ts';
import { MADE_FOR_ANNOTATION } from '../api/names.ts';
import type { Condition } from '../api/platform-defaults.ts';
import type { FactStores } from '../kube/stores.ts';
import type { DecisionLog } from './decisions.ts';
import type { Health } from './health.ts';
import type { StatusSnapshot } from './status-page.ts';

export interface SnapshotSources {
  readonly version: string;
  readonly health: Health;
  readonly replicaState: () => StatusSnapshot['replicaState'];
  readonly verdict: () => CloudVerdict | undefined;
  readonly stores: FactStores;
  readonly decisions: DecisionLog;
}

/** What the status page shows, read from memory at the moment it is asked for. */
export const takeSnapshot = ({
  version,
  health,
  replicaState,
  verdict,
  stores,
  decisions,
}: SnapshotSources): StatusSnapshot => ({
  version,
  waitingFor: health.waitingFor(),
  replicaState: replicaState(),
  cloud: verdict(),
  defaults: stores.platformDefaults.list().map(({ metadata, spec, status }) => ({
    name: `${metadata.namespace ?? ''}/${metadata.name ?? ''}`,
    kinds: spec.match.kinds.join(', '),
    mode: spec.mode ?? 'Default',
    state: ready(status?.conditions),
  })),
  storageClasses: stores.storageClasses.byIndex('owned', 'true').map(({ metadata, provisioner }) => ({
    name: metadata.name ?? '',
    provisioner,
    madeFor: metadata.annotations?.[MADE_FOR_ANNOTATION] ?? '',
  })),
  objectStores: stores.objectStores.list().map(({ metadata, spec, status }) => ({
    name: `${metadata.namespace ?? ''}/${metadata.name ?? ''}`,
    bucket: status?.url ?? spec.name,
    state: ready(status?.conditions),
  })),
  decisions: decisions.latest(),
});

const ready = (conditions: readonly Condition[] | undefined): string => {
  const condition = conditions?.find(({ type }) => type === 'Ready');
  return condition === undefined ? 'not looked at yet' : `${condition.reason}: ${condition.message}`;
};
