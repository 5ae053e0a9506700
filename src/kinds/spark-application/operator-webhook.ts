import type { Edit } from '../../injection/edit.ts';
import { ROLES } from './fields.ts';

/** Fields of a role that reach its pod by spark-operator's webhook alone (sparkpod_defaulter.go); all else is given to spark-submit. */
const WEBHOOK_FIELDS: ReadonlySet<string> = new Set([
  'env',
  'envFrom',
  'volumeMounts',
  'configMaps',
  'tolerations',
  'hostAliases',
  'nodeSelector',
]);

/** What is given and reaches no pod where no webhook of spark-operator is for the namespace's pods: one sentence, or none. */
export const operatorWebhookWarnings = (edits: readonly Edit[]): readonly string[] => {
  const lost = edits.filter(isByWebhook);
  if (lost.length === 0) return [];
  const fields = new Set(lost.map(({ at }) => at.at(-1) ?? ''));
  const sources = new Set(lost.map(({ by }) => by));
  return [
    `spark-operator has no webhook for the pods of this namespace: ${listed(fields)} of PlatformDefaults ${[...sources].join(', ')} do not reach the driver and the executors, nor do those of the application. Ask for webhook.enable and this namespace in its chart.`,
  ];
};

const isByWebhook = ({ at }: Edit): boolean =>
  at.length === 2 ? at[1] === 'volumes' : ROLES.some((role) => role === at[1]) && WEBHOOK_FIELDS.has(at[2] ?? '');

const listed = (names: ReadonlySet<string>): string => [...names].join(', ').replace(/, ([^,]*)$/, ' and $1');
