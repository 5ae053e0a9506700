import type { AdmissionRule } from '../api/admission.ts';
import type { InjectSpec } from '../api/inject-spec.ts';
import type { StringMap } from '../api/kubernetes.ts';
import { type Webhook, webhookConfiguration } from '../controller/webhooks/configuration.ts';
import { askedBy, type Entry } from '../defaults/entry.ts';
import { enforcedRules } from '../kinds/index.ts';
import { type InstallObject, type InstallOptions, labels, NAME, NFS_NAMESPACE } from './options.ts';

/** What the API server can hold objects to by itself, and what of PlatformDefaults it cannot. */
export interface Backstop {
  readonly objects: readonly InstallObject[];
  /** A sentence each. */
  readonly leftOut: readonly string[];
}

/** CEL that is true of an object which has something enforced, and what to call that. */
interface Check {
  readonly what: string;
  readonly expression: string;
}

/**
 * ValidatingAdmissionPolicies that refuse what was not given what these PlatformDefaults enforce for the whole cluster: a second line
 * for when no webhook was asked. An object that was given it passes; what that cannot be told of is left out, never guessed.
 */
export const backstopOf = (entries: readonly Entry[], options: InstallOptions): Backstop => {
  const enforced = entries.filter(({ mode, isGlobal, isAudit }) => mode === 'Enforce' && isGlobal && !isAudit);
  const unenforced = entries.filter((entry) => !enforced.includes(entry));
  const [tellable, others] = [enforced.filter(isTellable), enforced.filter((entry) => !isTellable(entry))];
  const given = valuesOf(enforced);
  return {
    objects: tellable.flatMap((entry) => policiesFor(entry, given, options)),
    leftOut: [
      ...unenforced.map((entry) => `${nameOf(entry)}: enforces nothing for the whole cluster.`),
      ...others.map((entry) => `${nameOf(entry)}: whom it is for follows from the cloud, an owner or a container.`),
      ...tellable.flatMap((entry) => leftOutOf(entry, given)),
    ],
  };
};

const nameOf = ({ source }: Entry): string => `PlatformDefaults ${source.namespace}/${source.name}`;

/** Of what follows from a cloud, from owners or from containers no expression tells whom it is for. */
const isTellable = ({ clouds, owner, containers }: Entry): boolean =>
  clouds.length === 0 && owner === undefined && containers === undefined;

const RESOURCES = ['persistentvolumeclaims', 'pods'] as const;
const TOLD = [
  'labels',
  'annotations',
  'env',
  'volumes',
  'nodeSelector',
  'tolerations',
] as const satisfies readonly (keyof InjectSpec)[];

const leftOutOf = (entry: Entry, given: Values): readonly string[] => {
  const keys = Object.keys(entry.spec.inject ?? {}).filter((key) => !TOLD.some((told) => told === key));
  const kinds = entry.spec.match.kinds.filter((kind) =>
    ['SparkApplication', 'SparkConnect', 'ObjectStore'].includes(kind),
  );
  return [
    ...(keys.length > 0 ? [`${nameOf(entry)}: ${keys.join(', ')}.`] : []),
    ...MAPS.flatMap((section) => {
      const variable = keysOf(entry, section).filter((key) => staticValues(given, section, key) === undefined);
      return variable.length === 0
        ? []
        : [`${nameOf(entry)}: the values of ${section} ${variable.join(', ')}, which follow from variables.`];
    }),
    ...(kinds.length > 0 ? [`${nameOf(entry)}: objects of kind ${kinds.join(', ')}.`] : []),
  ];
};

const MAPS = ['labels', 'annotations', 'nodeSelector'] as const satisfies readonly (keyof InjectSpec)[];
type MapSection = (typeof MAPS)[number];

const keysOf = (entry: Entry, section: MapSection): readonly string[] =>
  Object.keys(entry.spec.inject?.[section] ?? {});

type Values = ReadonlyMap<string, readonly string[]>;

/** What any of them has for a key: which of two wins is for the webhook to say. */
const valuesOf = (entries: readonly Entry[]): Values => {
  const pairs = entries.flatMap(({ spec: { inject = {} } }) =>
    MAPS.flatMap((section) =>
      Object.entries(inject[section] ?? {}).map(([key, value]) => ({ at: `${section} ${key}`, value })),
    ),
  );
  return new Map(
    [...Map.groupBy(pairs, ({ at }) => at)].map(([at, found]) => [at, [...new Set(found.map(({ value }) => value))]]),
  );
};

const policiesFor = (entry: Entry, given: Values, options: InstallOptions): readonly InstallObject[] => {
  const rules = enforcedRules(askedBy(entry, undefined), exemptUsersOf(options));
  return RESOURCES.flatMap((resource) => {
    const webhooks = webhooksOf(
      rules.filter((rule) => rule.resource === resource),
      options,
    );
    const checks = resource === 'pods' ? podChecks(entry, given) : claimChecks(entry, given);
    const name = `${NAME}-backstop-${entry.source.name}-${resource}`;
    const [first] = webhooks;
    if (first === undefined || checks.length === 0) return [];
    return [policyOf(name, first, checks, entry), ...webhooks.map((webhook, at) => bindingOf(name, webhook, at))];
  });
};

const exemptUsersOf = ({ settings }: InstallOptions): readonly string[] =>
  (settings['EXEMPT_USERS'] ?? '')
    .split(',')
    .map((user) => user.trim())
    .filter((user) => user !== '');

/** As they would be sent to us: with the namespaces and labels that all webhooks keep away from. */
const webhooksOf = (rules: readonly AdmissionRule[], options: InstallOptions): readonly Webhook[] =>
  webhookConfiguration({
    name: NAME,
    rules,
    target: { service: { name: NAME, namespace: options.namespace } },
    caBundle: undefined,
    systemNamespace: options.namespace,
    nfsNamespace: NFS_NAMESPACE,
    excludedNamespaces: options.excludedNamespaces,
    namespaceRequirements: options.namespaceSelector.matchExpressions ?? [],
    objectRequirements: options.objectSelector.matchExpressions ?? [],
  }).webhooks ?? [];

const policyOf = (name: string, webhook: Webhook, checks: readonly Check[], entry: Entry): InstallObject => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingAdmissionPolicy',
  metadata: { name, labels: ownLabels },
  spec: {
    failurePolicy: 'Fail',
    matchConstraints: { resourceRules: [{ ...ruleOf(webhook), operations: ['CREATE'] }] },
    matchConditions: [
      ...(webhook.matchConditions ?? []).filter((condition) => condition.name === 'not-exempt'),
      // The kubelet runs mirror pods whatever is said of them, and nobody else can make one that runs.
      { name: 'no-mirror-pod', expression: `!(${isAnnotated('kubernetes.io/config.mirror')})` },
    ],
    validations: checks.map(({ what, expression }) => ({
      expression,
      message: `${what} is enforced by ${nameOf(entry)}, and this object was not given it: no replica of Quartermaster was asked. Try again.`,
    })),
  },
});

/** Not those by which the pods of the install are found. */
const ownLabels: StringMap = {
  'app.kubernetes.io/name': labels['app.kubernetes.io/name'] ?? NAME,
  'app.kubernetes.io/component': 'backstop',
};

const ruleOf = (webhook: Webhook): object => {
  const [{ apiGroups, apiVersions, resources } = {} as Fields] = webhook['rules'] as readonly Fields[];
  return { apiGroups, apiVersions, resources };
};

type Fields = Readonly<Record<string, unknown>>;

const bindingOf = (policyName: string, webhook: Webhook, at: number): InstallObject => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  metadata: { name: at === 0 ? policyName : `${policyName}-${at + 1}`, labels: ownLabels },
  spec: {
    policyName,
    validationActions: ['Deny'],
    matchResources: {
      namespaceSelector: webhook['namespaceSelector'],
      ...(webhook['objectSelector'] !== undefined && { objectSelector: webhook['objectSelector'] }),
    },
  },
});

const isStatic = (value: string): boolean => !value.includes('${');
const quoted = (text: string): string => JSON.stringify(text);

const isAnnotated = (key: string): string => `${quoted(key)} in object.metadata.?annotations.orValue({})`;

/** Undefined where a variable is in any of them. */
const staticValues = (given: Values, section: MapSection, key: string): readonly string[] | undefined => {
  const values = given.get(`${section} ${key}`) ?? [];
  return values.every(isStatic) ? values : undefined;
};

/** For each entry of a map: the value is one that is enforced. Of keys that a variable is given for nothing is said. */
const mapChecks = (section: MapSection, at: string, entry: Entry, given: Values): readonly Check[] =>
  keysOf(entry, section).flatMap((key) => {
    const values = staticValues(given, section, key);
    if (values === undefined) return [];
    return [
      { what: `${section} ${key}`, expression: `${at}[?${quoted(key)}].orValue("") in ${JSON.stringify(values)}` },
    ];
  });

const claimChecks = (entry: Entry, given: Values): readonly Check[] => [
  ...mapChecks('labels', 'object.metadata.?labels', entry, given),
  ...mapChecks('annotations', 'object.metadata.?annotations', entry, given),
];

/** Pods that another controller's labels are on get no mounts, and may have no container of a user. */
const podChecks = (entry: Entry, given: Values): readonly Check[] => {
  const { env = [], volumes = [], tolerations = [] } = entry.spec.inject ?? {};
  const mounted = new Set((entry.spec.inject?.volumeMounts ?? []).map(({ name }) => name));
  return [
    ...mapChecks('labels', 'object.metadata.?labels', entry, given),
    ...keysOf(entry, 'labels')
      .filter((key) => staticValues(given, 'labels', key) === undefined)
      .map((key) => ({
        what: `labels ${key}`,
        expression: `${quoted(key)} in object.metadata.?labels.orValue({})`,
      })),
    ...mapChecks('annotations', 'object.metadata.?annotations', entry, given),
    ...env.map(({ name }) => ({
      what: `env ${name}`,
      expression: `${OF_OTHERS} || object.spec.containers.exists(c, c.?env.orValue([]).exists(e, e.name == ${quoted(name)}))`,
    })),
    ...volumes
      .filter(({ name }) => mounted.has(name))
      .map(({ name }) => ({
        what: `volumes ${name}`,
        expression: `${OF_OTHERS} || ${OF_WINDOWS} || object.spec.?volumes.orValue([]).exists(v, v.name == ${quoted(name)})`,
      })),
    ...mapChecks('nodeSelector', 'object.spec.?nodeSelector', entry, given).map(({ what, expression }) => ({
      what,
      expression: `${isAnnotated('alpha.jobset.sigs.k8s.io/exclusive-topology')} || ${expression}`,
    })),
    ...tolerations.map(({ key = '' }) => ({
      what: `tolerations ${key}`,
      expression: `object.spec.?tolerations.orValue([]).exists(t, t.?key.orValue("") == ${quoted(key)})`,
    })),
  ];
};

const OF_OTHERS =
  '["workflows.argoproj.io/workflow", "sparkoperator.k8s.io/launched-by-spark-operator"].exists(key, key in object.metadata.?labels.orValue({}))';
const OF_WINDOWS = 'object.spec.?os.?name.orValue("") == "windows"';
