import type { Edit } from '../../injection/edit.ts';
import { ROLES } from './fields.ts';
import { PLACEMENT_FIELDS, PLACEMENT_MAPS } from './placement.ts';

/** Fields of a role that reach its pod by spark-operator's webhook alone (sparkpod_defaulter.go); all else is given to spark-submit. */
const WEBHOOK_FIELDS: ReadonlySet<string> = new Set([
  'env',
  'envFrom',
  'volumeMounts',
  'configMaps',
  'tolerations',
  'hostAliases',
  'initContainers',
  'nodeSelector',
  ...PLACEMENT_MAPS,
]);

/** What is given and reaches no pod where no webhook of spark-operator is for the namespace's pods: one sentence, or none. */
export const operatorWebhookWarnings = (edits: readonly Edit[]): readonly string[] => {
  const lost = edits.filter(isByWebhook);
  if (lost.length === 0) return [];
  const fields = new Set(lost.map(fieldOf));
  const sources = new Set(lost.map(({ by }) => by));
  return [
    `spark-operator has no webhook for the pods of this namespace: ${listed(fields)} of PlatformDefaults ${[...sources].join(', ')} do not reach the driver and the executors, nor do those of the application. Ask for webhook.enable and this namespace in its chart.`,
  ];
};

const isByWebhook = (edit: Edit): boolean => {
  if (!isOfRole(edit)) return edit.at[1] === 'volumes';
  return edit.at.length === 2
    ? PLACEMENT_FIELDS.some((field) => field === edit.key)
    : WEBHOOK_FIELDS.has(fieldOf(edit));
};

const isOfRole = ({ at }: Edit): boolean => ROLES.some((role) => role === at[1]);

const fieldOf = ({ at, key }: Edit): string => (ROLES.some((role) => role === at.at(-1)) ? key : (at.at(-1) ?? ''));

const listed = (names: ReadonlySet<string>): string => [...names].join(', ').replace(/, ([^,]*)$/, ' and $1');
