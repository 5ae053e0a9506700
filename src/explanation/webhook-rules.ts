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
import { rulesInForce } from '../kinds/index.ts';

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
  /** Where it is not: why, for each webhook that is about such objects. Whole sentences. */
  readonly reasons: readonly string[];
}

/** Decides as the API server does: rule, namespace selector, object selector, match conditions. */
export const sendingOf = (
  webhooks: readonly WebhookRules[],
  request: AdmissionRequest,
  namespaceLabels: StringMap,
): Sending => {
  const { group, resource } = request.resource;
  const concerned = webhooks.filter(({ rules = [] }) =>
    rules.some(({ apiGroups, resources }) => covers(apiGroups, group) && covers(resources, resource)),
  );
  if (concerned.length === 0) {
    const { apiVersion, kind } = request.object;
    return { isSent: false, reasons: [`Quartermaster is not asked about objects of kind ${kind} (${apiVersion}).`] };
  }
  const reasons = concerned.map((webhook) => reasonAgainst(webhook, request, namespaceLabels));
  if (reasons.includes(undefined)) return { isSent: true, reasons: [] };
  return { isSent: false, reasons: reasons.flatMap((reason) => reason ?? []) };
};

const covers = (names: readonly string[] = [], name: string): boolean => names.includes('*') || names.includes(name);

/** Why a webhook that is about such objects is not sent this one; undefined where it is. */
const reasonAgainst = (
  webhook: WebhookRules,
  request: AdmissionRequest,
  namespaceLabels: StringMap,
): string | undefined => {
  const about = `Webhook ${webhook.name} is not sent the object`;
  const operations = (webhook.rules ?? []).flatMap((rule) => rule.operations ?? []);
  if (!covers(operations, request.operation)) return `${about}: it takes ${operations.join(', ')} alone.`;
  const place = `namespace ${request.namespace ?? ''}`;
  const namespaced = unmet('namespaceSelector', webhook.namespaceSelector, [namespaceLabels], place);
  if (namespaced !== undefined) return `${about}: ${namespaced}.`;
  const objects = [request.object, ...(request.oldObject ? [request.oldObject] : [])];
  const selected = unmet('objectSelector', webhook.objectSelector, objects.map(labelsOf), 'the object');
  if (selected !== undefined) return `${about}: ${selected}.`;
  const condition = webhook.matchConditions?.find(({ expression }) => !holds(expression, request));
  return condition && `${about}: its condition "${condition.name.replaceAll('-', ' ')}" does not hold.`;
};

/** Old and new object count alike: one of them is enough. */
const unmet = (
  field: string,
  selector: LabelSelector | undefined,
  labels: readonly StringMap[],
  whose: string,
): string | undefined => {
  const requirements = requirementsOf(selector);
  const mismatches = labels.map((one) => selectorMismatch(field, requirements, one, whose));
  const [first] = mismatches;
  if (first === undefined || mismatches.includes(undefined)) return undefined;
  const [own = {}] = labels;
  const requirement = requirements.find((one) => selectorMismatch(field, [one], own, whose) !== undefined);
  return `${first}${requirement === undefined ? '' : remedyFor(requirement, whose)}`;
};

/** What label would let it in, where one could. */
const remedyFor = (requirement: Requirement, whose: string): string => {
  const { key, operator } = requirement;
  if (operator === 'In')
    return `; the label ${requirementText({ ...requirement, values: requirement.values.slice(0, 1) })} on ${whose} lets it in`;
  if (operator === 'Exists') return `; a label ${key} on ${whose} lets it in`;
  return '';
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
