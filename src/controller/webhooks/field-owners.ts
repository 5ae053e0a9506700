import type { KubeObject } from '../../api/kubernetes.ts';
import { FIELD_MANAGER } from '../../api/names.ts';
import type { MutatingWebhookConfiguration, Webhook } from './configuration.ts';

/** What a person may choose on a webhook: whoever wrote it last has the say. All else is ours. */
const CHOSEN = [
  'failurePolicy',
  'matchPolicy',
  'namespaceSelector',
  'objectSelector',
  'reinvocationPolicy',
  'timeoutSeconds',
] as const;

interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly fieldsV1?: Readonly<Record<string, unknown>>;
}

type Owned = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/**
 * What to apply over `live` so that nothing is taken from anybody: each webhook of `desired` without the fields that another manager
 * owns there. A webhook that `live` does not have takes from the one in `inherits` (by name) what is chosen there.
 */
export const yieldOwned = (
  desired: MutatingWebhookConfiguration,
  live: MutatingWebhookConfiguration,
  inherits: ReadonlyMap<string, string>,
): MutatingWebhookConfiguration => {
  const owners = managedFieldsOf(live);
  const present = new Map((live.webhooks ?? []).map((webhook) => [webhook.name, webhook]));
  const webhooks = (desired.webhooks ?? []).map((webhook) => {
    const source = present.get(inherits.get(webhook.name) ?? '');
    const inherited = source === undefined ? webhook : inherit(webhook, source);
    return without(
      inherited,
      CHOSEN.filter((field) => isAnothers(owners, webhook.name, field)),
    );
  });
  return { ...desired, webhooks };
};

/** All that is chosen but the policy itself, conditions that others added, and the authority where that is not ours. */
const inherit = (webhook: Webhook, source: Webhook): Webhook => {
  const { failurePolicy } = webhook;
  const own = webhook.matchConditions ?? [];
  const names = new Set([...own.map(({ name }) => name), 'fails-open']);
  const added = (source.matchConditions ?? []).filter(({ name }) => !names.has(name));
  const { caBundle } = source.clientConfig;
  const chosen = Object.fromEntries(
    CHOSEN.flatMap((field) => (source[field] === undefined ? [] : [[field, source[field]]])),
  );
  return {
    ...webhook,
    ...chosen,
    ...(failurePolicy !== undefined && { failurePolicy }),
    ...(own.length + added.length > 0 && { matchConditions: [...own, ...added] }),
    clientConfig: { ...(caBundle !== undefined && { caBundle }), ...webhook.clientConfig },
  };
};

const managedFieldsOf = ({ metadata }: KubeObject): readonly ManagedFields[] =>
  (metadata as { readonly managedFields?: readonly ManagedFields[] }).managedFields ?? [];

/** Owned, and not by what we applied. */
const isAnothers = (owners: readonly ManagedFields[], webhook: string, field: string): boolean => {
  const owning = owners.filter(({ fieldsV1 }) => {
    const webhooks = fieldsV1?.['f:webhooks'] as Owned | undefined;
    return webhooks?.[`k:${JSON.stringify({ name: webhook })}`]?.[`f:${field}`] !== undefined;
  });
  return owning.length > 0 && !owning.some(isOurs);
};

const isOurs = ({ manager, operation }: ManagedFields): boolean => manager === FIELD_MANAGER && operation === 'Apply';

const without = (webhook: Webhook, fields: readonly string[]): Webhook =>
  Object.fromEntries(Object.entries(webhook).filter(([field]) => !fields.includes(field))) as Webhook;
