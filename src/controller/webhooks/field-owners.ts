import type { KubeObject, StringMap } from '../../api/kubernetes.ts';
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
    const yielded = CHOSEN.filter((field) => isAnothers(owners, webhookFields(webhook.name, `f:${field}`)));
    return withoutApplied(without(inherited, yielded), owners.filter(isApplier));
  });
  return { ...desired, metadata: { ...desired.metadata, labels: ownLabels(desired, owners) }, webhooks };
};

/** Whoever applies server-side says what is installed, and is refused where another version is written over it: Helm 4, Flux. */
const isApplier = (owner: ManagedFields): boolean => owner.operation === 'Apply' && !isOurs(owner);

/** Without the rules and conditions that another applies. */
const withoutApplied = (webhook: Webhook, appliers: readonly ManagedFields[]): Webhook => {
  const isApplied = (...path: readonly string[]): boolean =>
    appliers.some((owner) => owns(owner, webhookFields(webhook.name, ...path)));
  const { matchConditions } = webhook;
  const kept = matchConditions?.filter(({ name }) => !isApplied('f:matchConditions', keyOf(name)));
  return without({ ...webhook, ...(kept && { matchConditions: kept }) }, [
    ...(isApplied('f:rules') ? ['rules'] : []),
    ...(kept?.length === 0 ? ['matchConditions'] : []),
  ]);
};

/** Helm has labels of its own for whatever it makes. */
const ownLabels = ({ metadata }: KubeObject, owners: readonly ManagedFields[]): StringMap =>
  Object.fromEntries(
    Object.entries(metadata.labels ?? {}).filter(
      ([label]) => !isAnothers(owners, ['f:metadata', 'f:labels', `f:${label}`]),
    ),
  );

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
const isAnothers = (owners: readonly ManagedFields[], path: readonly string[]): boolean => {
  const owning = owners.filter((owner) => owns(owner, path));
  return owning.length > 0 && !owning.some(isOurs);
};

const keyOf = (name: string): string => `k:${JSON.stringify({ name })}`;
const webhookFields = (name: string, ...path: readonly string[]): readonly string[] => [
  'f:webhooks',
  keyOf(name),
  ...path,
];

const owns = ({ fieldsV1 }: ManagedFields, path: readonly string[]): boolean => {
  let fields: unknown = fieldsV1;
  for (const name of path) fields = (fields as Readonly<Record<string, unknown>> | undefined)?.[name];
  return fields !== undefined;
};

const isOurs = ({ manager, operation }: ManagedFields): boolean => manager === FIELD_MANAGER && operation === 'Apply';

const without = (webhook: Webhook, fields: readonly string[]): Webhook =>
  Object.fromEntries(Object.entries(webhook).filter(([field]) => !fields.includes(field))) as Webhook;
