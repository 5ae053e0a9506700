import type { InjectSpec } from '../../api/inject-spec.ts';
import type { Mode } from '../../api/injection.ts';
import { isRecord, type UnknownRecord } from '../../injection/path.ts';

/** One step into a pod: a field, or the entry of a list that has this value at this key. */
export type Step = string | { readonly key: string; readonly is: string };

/** One value that a rule of another tool puts into pods. */
export interface Assignment {
  readonly path: readonly Step[];
  readonly value: unknown;
  readonly mode: Mode;
  /** An object at the path keeps what the rule does not name; else the value takes its place. */
  readonly isMerged: boolean;
}

/** What of a rule has no exact translation: where in it, and why. */
export interface LeftOut {
  readonly field: string;
  readonly reason: string;
}

/** The part of `inject` that an assignment comes to, and the containers it is for. */
export interface Placed {
  readonly inject: InjectSpec;
  readonly containers?: readonly string[];
}

/** A path as a person writes it: `spec.containers[name:*].env[name:TZ]`. */
export const pathText = (path: readonly Step[]): string =>
  path
    .map((step) => (typeof step === 'string' ? `.${step}` : `[${step.key}:${step.is}]`))
    .join('')
    .replace(/^\./, '');

/** Where an assignment goes in `inject`; a sentence where nothing there does the same. */
export const place = (assignment: Assignment): Placed | string => {
  const [root, field, third, ...deeper] = assignment.path;
  if (assignment.value === null) return 'removes something, and Quartermaster removes nothing';
  if (root === 'metadata' && typeof third === 'string' && deeper.length === 0)
    return placeMetadata(field, third, assignment);
  if (root !== 'spec' || typeof field !== 'string') return NO_KEY;
  if (field === 'containers' || field === 'initContainers') return placeInContainer(field, third, deeper, assignment);
  if (third === undefined) return placeScalar(field, assignment);
  return deeper.length === 0 ? placeEntry(field, third, assignment) : tooDeep(assignment);
};

const NO_KEY = 'no key of inject does this';
const LABELS =
  'changes a label that is there; controllers find pods by labels, so that Quartermaster only adds them (mode Default)';
const FILLED_IN = 'is on every pod by then, since the API server fills it in: this rule never does anything';

const tooDeep = ({ isMerged, mode }: Assignment): string =>
  isMerged && mode === 'Enforce' ? 'changes a part of what Quartermaster gives as a whole' : NO_KEY;

const placeMetadata = (field: Step | undefined, key: string, { value, mode }: Assignment): Placed | string => {
  if (typeof value !== 'string') return 'is not a string';
  if (field === 'annotations') return { inject: { annotations: { [key]: value } } };
  if (field !== 'labels') return NO_KEY;
  return mode === 'Enforce' ? LABELS : { inject: { labels: { [key]: value } } };
};

const SCALARS = ['priorityClassName', 'runtimeClassName', 'schedulerName', 'terminationGracePeriodSeconds'];
const ALWAYS_THERE = ['schedulerName', 'terminationGracePeriodSeconds'];

const placeScalar = (field: string, { value, mode }: Assignment): Placed | string => {
  if (['tolerations', 'topologySpreadConstraints'].includes(field))
    return 'replaces the whole list, and Quartermaster adds to it';
  if (!SCALARS.includes(field))
    return isRecord(value) || Array.isArray(value)
      ? 'is given as a whole, and Quartermaster gives each of its fields by itself'
      : NO_KEY;
  if (mode === 'Default' && ALWAYS_THERE.includes(field)) return FILLED_IN;
  return { inject: { [field]: value } };
};

/** Lists of the pod whose entries are told apart by one key, as Kubernetes merges them. */
const ENTRIES: Readonly<Record<string, string>> = { volumes: 'name', imagePullSecrets: 'name', hostAliases: 'ip' };
const PARTS: Readonly<Record<string, readonly string[]>> = {
  affinity: ['nodeAffinity', 'podAffinity', 'podAntiAffinity'],
  dnsConfig: ['nameservers', 'searches', 'options'],
};

const placeEntry = (field: string, step: Step, assignment: Assignment): Placed | string => {
  if (field === 'tolerations') return placeToleration(step, assignment);
  return typeof step === 'string' ? placePart(field, step, assignment) : placeListed(field, step, assignment.value);
};

/** One more at the end of the list, as JSON Patch says it. */
const placeToleration = (step: Step, { value, mode }: Assignment): Placed | string =>
  step === '-' && mode === 'Default' ? { inject: { tolerations: [value] } as InjectSpec } : NO_KEY;

const placeListed = (field: string, { key, is }: Exclude<Step, string>, value: unknown): Placed | string =>
  ENTRIES[field] === key && isRecord(value) ? { inject: { [field]: [{ ...value, [key]: is }] } as InjectSpec } : NO_KEY;

const placePart = (field: string, part: string, assignment: Assignment): Placed | string => {
  const { value } = assignment;
  if (field === 'nodeSelector')
    return typeof value === 'string' ? { inject: { nodeSelector: { [part]: value } } } : 'is not a string';
  if (field !== 'securityContext' && PARTS[field]?.includes(part) !== true) return NO_KEY;
  return isPartOfWhole(assignment) ? tooDeep(assignment) : { inject: { [field]: { [part]: value } } as InjectSpec };
};

/** An object of which the rule keeps what it does not name. */
const isPartOfWhole = ({ isMerged, mode, value }: Assignment): boolean =>
  isMerged && mode === 'Enforce' && isRecord(value);

const placeInContainer = (
  list: string,
  of: Step | undefined,
  deeper: readonly Step[],
  assignment: Assignment,
): Placed | string => {
  if (of === undefined || typeof of === 'string' || of.key !== 'name')
    return 'names containers by their place, and Quartermaster by name';
  if (of.is !== '*' && /[*?]/.test(of.is))
    return 'selects containers by a pattern, which here is for init containers too';
  const everyOne = list === 'containers' ? ['main', 'sidecars'] : ['init'];
  const inject = placeContainerField(deeper, assignment);
  return typeof inject === 'string' ? inject : { inject, containers: of.is === '*' ? everyOne : [of.is] };
};

const placeContainerField = (
  [field, step, ...deeper]: readonly Step[],
  assignment: Assignment,
): InjectSpec | string => {
  const { value, mode } = assignment;
  if (field === 'image') return 'changes images; inject.imageRegistries does where it is the registry alone';
  if (field === 'imagePullPolicy' && step === undefined)
    return mode === 'Default' ? FILLED_IN : ({ imagePullPolicy: value } as InjectSpec);
  if (field === 'resources') return placeResource(step, deeper, value);
  if (field === 'securityContext') return placeSecurityContext(step, deeper, assignment);
  return placeContainerEntry(field, step, deeper, value);
};

const placeResource = (
  step: Step | undefined,
  [name, ...more]: readonly Step[],
  value: unknown,
): InjectSpec | string =>
  (step === 'requests' || step === 'limits') && typeof name === 'string' && more.length === 0
    ? { resources: { [step]: { [name]: String(value) } } }
    : 'is given as a whole, and Quartermaster gives each resource by itself';

const placeSecurityContext = (
  step: Step | undefined,
  deeper: readonly Step[],
  assignment: Assignment,
): InjectSpec | string => {
  if (typeof step !== 'string') return 'is given as a whole, and Quartermaster gives each of its fields by itself';
  return deeper.length > 0 || isPartOfWhole(assignment)
    ? tooDeep(assignment)
    : { containerSecurityContext: { [step]: assignment.value } };
};

const placeContainerEntry = (
  field: Step | undefined,
  step: Step | undefined,
  [part, ...more]: readonly Step[],
  value: unknown,
): InjectSpec | string => {
  if (field === 'envFrom') return 'replaces the whole list, and Quartermaster adds to it';
  if (step === undefined || typeof step === 'string' || more.length > 0) return NO_KEY;
  const isPart = part === 'value' || part === 'valueFrom';
  if (field === 'env' && step.key === 'name' && (isPart || (part === undefined && isRecord(value))))
    return { env: [{ ...(isPart ? { [part]: value } : (value as UnknownRecord)), name: step.is }] } as InjectSpec;
  if (field === 'volumeMounts' && step.key === 'mountPath' && part === undefined && isRecord(value))
    return { volumeMounts: [{ ...value, mountPath: step.is }] } as unknown as InjectSpec;
  return NO_KEY;
};
