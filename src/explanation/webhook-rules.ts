import { celEnv, parse, plan } from '@bufbuild/cel';
import type { AdmissionRequest, Asked, Requirement } from '../api/admission.ts';
import type { LabelSelector, StringMap } from '../api/kubernetes.ts';
import {
  type MutatingWebhookConfiguration,
  type WebhookChoices,
  webhookConfiguration,
  webhooksByRule,
} from '../controller/webhooks/configuration.ts';
import { requirementsOf, withoutNulls } from '../defaults/entry.ts';
import { requirementText, selectorMismatch } from '../defaults/explanation/mismatch.ts';
import { labelsOf } from '../injection/target.ts';
import { mutators, rulesInForce } from '../kinds/index.ts';

/** A webhook of admissionregistration.k8s.io/v1, as far as it says what is sent to it. */
export interface WebhookRules {
  readonly name: string;
  readonly rules?: readonly {
    readonly apiGroups?: readonly string[];
    readonly resources?: readonly string[];
    readonly operations?: readonly string[];
  }[];
  readonly namespaceSelector?: LabelSelector;
  readonly objectSelector?: LabelSelector;
  readonly matchConditions?: readonly { readonly name: string; readonly expression: string }[];
}

/** What is chosen about who is sent; the settings have it. */
export type SendingChoices = Pick<
  WebhookChoices,
  'excludedNamespaces' | 'namespaceRequirements' | 'objectRequirements'
>;

/** The webhooks of an install in these namespaces, where this is asked for and chosen. */
export const installedWebhooks = (
  systemNamespace: string,
  nfsNamespace: string,
  asked: readonly Asked[] = [],
  { excludedNamespaces = [], namespaceRequirements = [], objectRequirements = [] }: SendingChoices = {},
): readonly WebhookRules[] =>
  webhooksOf(
    webhookConfiguration({
      name: 'quartermaster',
      rules: rulesInForce(asked),
      target: { url: 'https://127.0.0.1/' },
      caBundle: undefined,
      systemNamespace,
      nfsNamespace,
      ...{ excludedNamespaces, namespaceRequirements, objectRequirements },
    }),
  );

/** Those of a configuration that is on a cluster. */
export const webhooksOf = (configuration: MutatingWebhookConfiguration): readonly WebhookRules[] =>
  webhooksByRule(configuration) as unknown as readonly WebhookRules[];

/** Whether the API server sends a request to any of the webhooks. */
export interface Sending {
  readonly isSent: boolean;
  /** Where it is not: why, for each webhook that somebody asks for. Whole sentences. */
  readonly reasons: readonly string[];
  readonly missed?: readonly Missed[];
}

/** A webhook that is not sent an object. */
export interface Missed {
  /** What PlatformDefaults call its objects; undefined for pods of any kind. */
  readonly kind: string | undefined;
  readonly reason: string;
  /** How many of its requirements are unmet. */
  readonly unmet: number;
}

/** Those that what is for these kinds is given by. */
export const isFor =
  (kinds: ReadonlySet<string>) =>
  ({ kind }: Pick<Missed, 'kind'>): boolean =>
    kind === undefined || kinds.has(kind);

/** Decides as the API server does: rule, namespace selector, object selector, match conditions. */
export const sendingOf = (
  webhooks: readonly WebhookRules[],
  request: AdmissionRequest,
  namespaceLabels: StringMap,
  kinds?: () => ReadonlySet<string>,
): Sending => {
  const { group, resource } = request.resource;
  const concerned = webhooks.filter(({ rules = [] }) =>
    rules.some(({ apiGroups, resources }) => covers(apiGroups, group) && covers(resources, resource)),
  );
  if (concerned.length === 0) {
    const { apiVersion, kind } = request.object;
    return { isSent: false, reasons: [`Quartermaster is not asked about objects of kind ${kind} (${apiVersion}).`] };
  }
  const missed: Missed[] = [];
  for (const webhook of concerned) {
    const one = missedBy(webhook, request, namespaceLabels);
    if (one === undefined) return { isSent: true, reasons: [] };
    missed.push(one);
  }
  // Pods are sent for what they are given alone; all else Quartermaster looks after whoever asks.
  const asked = resource === 'pods' && kinds !== undefined ? missed.filter(isFor(kinds())) : missed;
  const reasons = asked.map(({ reason }) => reason);
  return { isSent: false, reasons: reasons.length === 0 ? [UNASKED] : reasons, missed: asked };
};

const UNASKED = 'No PlatformDefaults is for such pods: no webhook is sent it.';

/** By the name of its rule: a webhook may be one of several by number, or for what is enforced. */
const kindOf = ({ name }: WebhookRules): string | undefined =>
  KINDS.find((rule) => name.startsWith(`${rule.name}.`) || name.startsWith(`${rule.name}-`))?.kind;

/** The longest name first: `pod` begins others. */
const KINDS = mutators.flatMap(({ rules }) => rules).toSorted((one, other) => other.name.length - one.name.length);

const covers = (names: readonly string[] = [], name: string): boolean => names.includes('*') || names.includes(name);

/** Why a webhook that is about such objects is not sent this one; undefined where it is. */
const missedBy = (webhook: WebhookRules, request: AdmissionRequest, namespaceLabels: StringMap): Missed | undefined => {
  const unmet = unmetBy(webhook, request, namespaceLabels);
  if (unmet.length === 0) return undefined;
  const remedies = unmet.flatMap(({ remedy }) => remedy ?? []);
  const told = unmet.map(({ text }) => text).join('; ');
  const letIn = `; ${remedies.join(' and ')} ${remedies.length === 1 ? 'lets' : 'let'} it in`;
  const reason = `Webhook ${webhook.name} is not sent the object: ${told}${remedies.length === unmet.length ? letIn : ''}.`;
  return { kind: kindOf(webhook), reason, unmet: unmet.length };
};

interface Unmet {
  readonly text: string;
  /** The label that would help, where one could. */
  readonly remedy?: string | undefined;
}

const unmetBy = (
  { rules = [], namespaceSelector, objectSelector, matchConditions = [] }: WebhookRules,
  request: AdmissionRequest,
  namespaceLabels: StringMap,
): readonly Unmet[] => {
  const operations = rules.flatMap((rule) => rule.operations ?? []);
  if (!covers(operations, request.operation)) return [{ text: `it takes ${operations.join(', ')} alone` }];
  const objects = [request.object, ...(request.oldObject ? [request.oldObject] : [])];
  const condition = matchConditions.find(({ expression }) => !holds(expression, request));
  return [
    ...unmetOf('namespaceSelector', namespaceSelector, [namespaceLabels], `namespace ${request.namespace ?? ''}`),
    ...unmetOf('objectSelector', objectSelector, objects.map(labelsOf), 'the object'),
    ...(condition ? [{ text: `its condition "${condition.name.replaceAll('-', ' ')}" does not hold` }] : []),
  ];
};

/** Old and new object count alike: one of them is enough. */
const unmetOf = (
  field: string,
  selector: LabelSelector | undefined,
  labels: readonly StringMap[],
  whose: string,
): readonly Unmet[] => {
  const requirements = requirementsOf(selector);
  const [own = {}] = labels;
  if (labels.some((one) => selectorMismatch(field, requirements, one, whose) === undefined)) return [];
  return requirements.flatMap((requirement) => {
    const text = selectorMismatch(field, [requirement], own, whose);
    return text === undefined ? [] : [{ text, remedy: remedyFor(requirement, whose) }];
  });
};

const remedyFor = (requirement: Requirement, whose: string): string | undefined => {
  const { key, operator, values } = requirement;
  if (operator === 'In')
    return `the label ${requirementText({ ...requirement, values: values.slice(0, 1) })} on ${whose}`;
  return operator === 'Exists' ? `a label ${key} on ${whose}` : undefined;
};

const holds = (expression: string, { object, oldObject, operation, username }: AdmissionRequest): boolean => {
  try {
    const request = { operation, userInfo: { username } };
    // Nulls are dropped by the API server before anybody sees the object.
    const variables = { object: withoutNulls(object), oldObject: withoutNulls(oldObject ?? null), request };
    return evaluatorOf(expression)(variables as never) === true;
  } catch {
    // As the API server has it: it asks nobody, and with failurePolicy Fail refuses the object itself.
    return false;
  }
};

type Evaluator = ReturnType<typeof plan>;

/** Those of an install, or of one configuration: a handful, each held against every object. */
const evaluators = new Map<string, Evaluator>();

const evaluatorOf = (expression: string): Evaluator => {
  const known = evaluators.get(expression);
  if (known !== undefined) return known;
  const made = plan(celEnv(), parse(expression));
  evaluators.set(expression, made);
  return made;
};
