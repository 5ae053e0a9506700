import type { JsonSchema } from '../../api/schema.ts';
import { schemaViolations } from '../../api/schema-validation.ts';
import type { LeftOut } from './assignment.ts';

/** Objects of these fields and no others: what this version has not heard of may be a condition. */
const fields = (properties: Readonly<Record<string, JsonSchema>>, required: readonly string[] = []): JsonSchema => ({
  type: 'object',
  properties,
  required,
});
const list = (items: JsonSchema): JsonSchema => ({ type: 'array', items });
const any: JsonSchema = {};
const text: JsonSchema = { type: 'string' };
const texts = list(text);
const flag: JsonSchema = { type: 'boolean' };

const selector = fields({
  matchLabels: { type: 'object', additionalProperties: text },
  matchExpressions: list(fields({ key: text, operator: text, values: texts }, ['key', 'operator'])),
});

const filter = {
  resources: fields({
    kinds: texts,
    name: text,
    names: texts,
    namespaces: texts,
    annotations: any,
    operations: texts,
    selector,
    namespaceSelector: selector,
  }),
  subjects: any,
  roles: any,
  clusterRoles: any,
};
const filters = fields({ ...filter, any: list(fields(filter)), all: list(fields(filter)) });
const patches = { patchStrategicMerge: any, patchesJson6902: any };

/** A rule of kyverno.io/v1 and v2beta1. */
export const kyvernoRule = fields(
  {
    name: text,
    match: filters,
    exclude: filters,
    preconditions: any,
    celPreconditions: any,
    context: any,
    skipBackgroundRequests: any,
    reportProperties: any,
    mutate: fields({
      ...patches,
      targets: any,
      mutateExistingOnPolicyUpdate: any,
      foreach: list(fields({ ...patches, list: text, order: text, preconditions: any, context: any, foreach: any })),
    }),
    validate: any,
    generate: any,
    verifyImages: any,
    imageExtractors: any,
  },
  ['name', 'match'],
);

/** The spec of a kyverno.io policy: what is not its rules says how they are run, but for what is read here. */
export const kyvernoSpec = fields(
  {
    rules: list(any),
    admission: flag,
    applyRules: text,
    background: any,
    emitWarning: any,
    failurePolicy: any,
    generateExisting: any,
    generateExistingOnPolicyUpdate: any,
    mutateExistingOnPolicyUpdate: any,
    schemaValidation: any,
    useServerSideApply: any,
    validationFailureAction: any,
    validationFailureActionOverrides: any,
    webhookConfiguration: fields({ failurePolicy: any, timeoutSeconds: any, matchConditions: any }),
    webhookTimeoutSeconds: any,
  },
  ['rules'],
);

const gatekeeperMatch = fields({
  kinds: list(fields({ apiGroups: texts, kinds: texts })),
  scope: text,
  source: text,
  name: text,
  namespaces: texts,
  excludedNamespaces: texts,
  labelSelector: selector,
  namespaceSelector: selector,
});
const applyTo = list(fields({ groups: texts, kinds: texts, versions: texts }));
const assign = fields({ value: any, fromMetadata: fields({ field: text }), externalData: any });
const pathTests = list(fields({ subPath: text, condition: text }, ['subPath', 'condition']));

const gatekeeperSpec = (parameters: JsonSchema, others: Readonly<Record<string, JsonSchema>> = { applyTo }) =>
  fields({ ...others, match: gatekeeperMatch, location: text, parameters }, [...Object.keys(others), 'location']);

/** The specs of mutations.gatekeeper.sh, by kind. */
export const gatekeeperSpecs: Readonly<Record<string, JsonSchema>> = {
  Assign: gatekeeperSpec(fields({ assign, pathTests, assignIf: any }, ['assign'])),
  AssignMetadata: gatekeeperSpec(fields({ assign }, ['assign']), {}),
  ModifySet: gatekeeperSpec(fields({ operation: text, pathTests, values: fields({ fromList: list(any) }) })),
  AssignImage: gatekeeperSpec(any),
};

const resourceRule = fields({
  apiGroups: texts,
  apiVersions: texts,
  operations: texts,
  resources: texts,
  resourceNames: texts,
  scope: text,
});

const matchResources = fields({
  resourceRules: list(resourceRule),
  excludeResourceRules: any,
  objectSelector: selector,
  namespaceSelector: selector,
  matchPolicy: any,
});

/** The spec of a MutatingAdmissionPolicyBinding. */
export const bindingSpec = fields({ policyName: text, paramRef: any, matchResources }, ['policyName']);

/** The spec of a policy whose patches are expressions in CEL, Kyverno's or the API server's. */
export const mutatingSpec = fields(
  {
    matchConstraints: matchResources,
    matchConditions: any,
    paramKind: any,
    variables: any,
    mutations: list(
      fields({
        patchType: text,
        applyConfiguration: fields({ expression: text }),
        jsonPatch: any,
      }),
    ),
    failurePolicy: any,
    reinvocationPolicy: any,
    webhookConfiguration: any,
    autogen: any,
    evaluation: fields({
      admission: fields({ enabled: flag }),
      background: any,
      mutateExisting: fields({ enabled: flag }),
    }),
    targetMatchConstraints: any,
  },
  ['mutations'],
);

/** What of a policy is not as it is read here, each with its place. */
export const misread = (schema: JsonSchema, value: unknown): readonly LeftOut[] =>
  schemaViolations(schema, value, '').map((sentence) => {
    const [, field = '', reason = ''] = /^\.?(.*?): (.*)$/s.exec(sentence) ?? [];
    return { field, reason: reason.replace(/^there is no such field/, 'is no field that is known here') };
  });
