import jsonpatch from 'jsonpatch';
import { nameOf } from '../../admission/handler.ts';
import { patchBetween } from '../../admission/patch.ts';
import type { AdmissionRequest, Explanation, PatchOperation } from '../../api/admission.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { objectStoreCrd } from '../../api/object-store.ts';
import { type PlatformDefaults, platformDefaultsCrd } from '../../api/platform-defaults.ts';
import { withoutNulls } from '../../defaults/entry.ts';
import { validateDefaults } from '../../defaults/validation/spec.ts';
import type { PreviewCluster } from '../../explanation/cluster.ts';
import { explain } from '../../explanation/decided.ts';
import { type Admitted, admit, type ObjectExplanation } from '../../explanation/explain.ts';
import { asCreate, groupVersionOf, isHandled } from '../../explanation/request.ts';
import { claimCompanions, companionsOf, type NamespaceCompanions, unshownFor } from '../companions.ts';
import type { Source, SourcedObject } from '../documents.ts';
import { applied, withoutServerFields } from './apply.ts';
import { claimsOf } from './claims.ts';
import { type FieldError, refusal, sentenceOf } from './field-error.ts';
import { mistypedKind } from './kinds.ts';
import type { Templated } from './made-object.ts';
import {
  finalizerWarnings,
  labelErrors,
  metadataErrors,
  readMetadata,
  withoutEmpty,
  withoutSystemFields,
} from './metadata.ts';
import type { ReadObject } from './object-meta.ts';
import { withOrderWarnings } from './order.ts';
import { createOverlay, type Overlay } from './overlay.ts';
import { withRequests, withServiceAccount } from './pod-fillings.ts';
import { type ServedSchema, servedSchema } from './schema/served.ts';
import { builtInFields } from './strategic-merge.ts';
import { templatesOf } from './templates.ts';

/** What admission would do to one object, as `preview -o json` prints it. */
export interface PreviewedDocument {
  readonly source: Source;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** UPDATE where the object is stored already, or an earlier document made it. */
  readonly operation: 'CREATE' | 'UPDATE';
  /** Of what another object of the file makes: which, and where in it the template stands. */
  readonly createdBy?: string;
  readonly allowed: boolean;
  /** After mutation: the patch applied by another implementation than the one that made it. */
  readonly object: KubeObject;
  readonly before: KubeObject;
  /** As it stands in the file. */
  readonly given: KubeObject;
  readonly patch: readonly PatchOperation[];
  readonly companions: readonly KubeObject[];
  /** What is made besides and cannot be shown: whole sentences. */
  readonly unshown?: readonly string[];
  readonly warnings: readonly string[];
  readonly explain: readonly Explanation[];
  /** What became of every PlatformDefaults there is, and what else is to be known. */
  readonly explanation: ObjectExplanation;
  /** Why it would be refused. */
  readonly denied?: string;
  /** Why a PlatformDefaults, though stored, would not be in force. */
  readonly notInForce?: string;
}

/**
 * Pure: each object through all that the API server and Quartermaster do about it, in order, each in a cluster that has those before
 * it; in `namespace` unless it names its own. What an object will make by itself follows it.
 */
export const preview = (
  objects: readonly SourcedObject[],
  cluster: PreviewCluster,
  namespace: string,
  username = 'preview',
): readonly PreviewedDocument[] => {
  const session = { ...startSession(cluster, namespace), username };
  const previewed = objects.map((sourced) => previewSourced(sourced, session));
  return withOrderWarnings(previewed, objects);
};

interface Session {
  readonly cluster: PreviewCluster;
  readonly overlay: Overlay;
  readonly fallback: string;
  /** Who asks. */
  readonly username: string;
  /** CustomResourceDefinitions by group and kind. */
  readonly definitions: Map<string, KubeObject>;
}

const startSession = (cluster: PreviewCluster, fallback: string): Omit<Session, 'username'> => {
  const overlay = createOverlay(cluster.facts);
  const session = {
    cluster: { ...cluster, facts: overlay.facts },
    overlay,
    fallback,
    definitions: new Map<string, KubeObject>(),
  };
  for (const definition of [platformDefaultsCrd, objectStoreCrd, ...(cluster.definitions ?? [])])
    define(session, definition);
  for (const object of cluster.stored ?? []) {
    define(session, object);
    overlay.add(object, namespaceFor(object, fallback));
  }
  return session;
};

const define = ({ definitions }: Pick<Session, 'definitions'>, object: KubeObject): void => {
  if (object.kind !== 'CustomResourceDefinition') return;
  const { group, names } =
    (object as unknown as { readonly spec?: { readonly group?: string; readonly names?: { readonly kind?: string } } })
      .spec ?? {};
  definitions.set(`${group}/${names?.kind}`, object);
};

const schemaFor = ({ definitions }: Session, { apiVersion, kind }: KubeObject): ServedSchema | undefined => {
  const { group, version } = groupVersionOf(apiVersion);
  const definition = definitions.get(`${group}/${kind}`);
  return definition && servedSchema(definition, version);
};

/** Kinds that stand in no namespace; whatever is not known here is taken to stand in one. */
const CLUSTER_SCOPED = new Set([
  'Namespace',
  'Node',
  'PersistentVolume',
  'StorageClass',
  'CSIDriver',
  'ClusterRole',
  'ClusterRoleBinding',
  'PriorityClass',
  'CustomResourceDefinition',
  'MutatingWebhookConfiguration',
  'ValidatingWebhookConfiguration',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'APIService',
  'IngressClass',
  'RuntimeClass',
  'VolumeSnapshotClass',
]);

const namespaceFor = ({ kind, metadata }: KubeObject, fallback: string): string =>
  CLUSTER_SCOPED.has(kind) ? '' : (metadata.namespace ?? fallback);

const previewSourced = ({ source, object }: SourcedObject, session: Session): readonly PreviewedDocument[] => {
  const document = previewOne(object, source, session);
  if (!document.allowed) return [document];
  session.overlay.add(document.object, document.namespace);
  for (const companion of document.companions)
    session.overlay.add(companion, namespaceFor(companion, document.namespace));
  define(session, document.object);
  const templated = [...claimsOf(document.object), ...templatesOf(document.object)];
  const children = templated.map((one) => previewTemplated(one, document, session));
  const sent = children.filter(({ explanation }) => explanation.isSent);
  const unsent = children.filter((child) => !sent.includes(child));
  const notes = unsent.flatMap(({ kind, createdBy, explanation }) =>
    explanation.notes.slice(0, 1).map((note) => `Its ${kind} (${createdBy}): ${note}`),
  );
  const { explanation } = document;
  return [{ ...document, explanation: { ...explanation, notes: [...explanation.notes, ...notes] } }, ...sent];
};

const previewTemplated = (
  { object, from }: Templated,
  parent: PreviewedDocument,
  session: Session,
): PreviewedDocument => {
  const whose = { ...object, metadata: { ...object.metadata, namespace: parent.namespace } };
  const child = { ...previewOne(whose, parent.source, session), createdBy: `${parent.kind} ${parent.name}, ${from}` };
  for (const companion of child.allowed ? child.companions : [])
    session.overlay.add(companion, namespaceFor(companion, child.namespace));
  return child;
};

const previewOne = (object: KubeObject, source: Source, session: Session): PreviewedDocument => {
  const namespace = namespaceFor(object, session.fallback);
  const judged = judge(object, namespace, session);
  const { request, stored, admitted, denied } = judged;
  const { decision, explanation } = admitted;
  const made = companionsFor(request, admitted, session.cluster);
  const isUpdate = stored !== undefined;
  const companions = [...decision.companions, ...made.companions];
  const unshown = companions.flatMap(unshownFor);
  const printed = withoutEmpty(isUpdate ? withoutServerFields(judged.after) : judged.after);
  const notInForce = denied === undefined ? flawsOf(printed, namespace, session.cluster) : undefined;
  return {
    source,
    kind: object.kind,
    namespace,
    name: nameOf(object),
    operation: isUpdate ? 'UPDATE' : 'CREATE',
    allowed: denied === undefined,
    object: isCustom(object) ? printed : withoutNulls(printed),
    before: isUpdate ? withoutServerFields(request.object) : object,
    given: object,
    patch: isUpdate || request.object === object ? decision.patch : patchBetween(object, judged.after),
    companions,
    ...(unshown.length > 0 && { unshown }),
    warnings: [
      ...judged.mistyped,
      ...judged.unknown.map((field) => `unknown field "${field}"`),
      ...decision.warnings,
      ...judged.warnings,
      ...(denied === undefined && isCustom(object) ? finalizerWarnings(judged.after, stored) : []),
      ...made.warnings,
    ],
    explain: decision.explain,
    explanation: explanation(denied),
    ...(denied !== undefined && { denied }),
    ...(notInForce !== undefined && { notInForce }),
  };
};

interface Judged {
  readonly request: AdmissionRequest;
  readonly stored: KubeObject | undefined;
  readonly admitted: Admitted;
  readonly after: KubeObject;
  /** Where no such kind is known. */
  readonly mistyped: readonly string[];
  /** Fields that the API server drops. */
  readonly unknown: readonly string[];
  readonly denied: string | undefined;
  /** Of what is wrong and was so before. */
  readonly warnings: readonly string[];
}

/** As the API server goes about it: it reads the object by its schema, asks the webhooks, and checks what came of it. */
const judge = (object: KubeObject, namespace: string, session: Session): Judged => {
  const schema = schemaFor(session, object);
  const found = object.metadata.name === undefined ? undefined : session.overlay.stored(object, namespace);
  const stored = found && withRequests(found);
  const read = readObject(sentFor(object, stored), schema, stored === undefined);
  const request = { ...requestFor(read.object, stored, namespace), username: session.username };
  const mistyped = schema === undefined ? mistypedKind(object) : [];
  const [unreadable] = read.unreadable;
  if (unreadable !== undefined) {
    const { kind, apiVersion } = object;
    const { version } = groupVersionOf(apiVersion);
    const denied = `${kind} in version "${version}" cannot be handled as a ${kind}: ${unreadable}`;
    const sending = { isSent: false, reasons: ['The API server cannot read it.'] };
    const admitted = explain(request, session.cluster, sending);
    return { request, stored, admitted, after: read.object, mistyped, unknown: [], denied, warnings: [] };
  }
  const admitted = admit(withServiceAccount(request), session.cluster);
  const { patch, denied } = admitted.decision;
  const admittedObject = jsonpatch.apply_patch(request.object, [...patch]) as KubeObject;
  const after = schema?.stored(admittedObject, stored) ?? admittedObject;
  const errors = denied === undefined ? errorsIn(schema, after, stored) : [];
  const wrong = errors.filter(({ isWarning }) => isWarning !== true);
  return {
    ...{ request, stored, admitted, after, mistyped },
    unknown: read.unknown,
    denied: denied ?? (wrong.length === 0 ? undefined : refusal(object, nameOf(object), wrong)),
    warnings: errors.filter(({ isWarning }) => isWarning).map(sentenceOf),
  };
};

const readObject = (object: KubeObject, schema: ServedSchema | undefined, isNew: boolean): ReadObject => {
  const found = isCustom(object) ? readMetadata(object) : { object, unknown: [], unreadable: [] };
  const sent = isNew ? withoutSystemFields(found.object) : found.object;
  if (schema === undefined) return { ...found, object: withRequests(sent) };
  const read = schema.read(sent);
  return {
    object: read.object,
    unknown: [...found.unknown, ...read.unknown],
    unreadable: [...found.unreadable, ...read.unreadable],
  };
};

/** What the API server finds wrong with what came out of admission. */
const errorsIn = (
  schema: ServedSchema | undefined,
  object: KubeObject,
  stored: KubeObject | undefined,
): readonly FieldError[] => {
  const found = isCustom(object) ? metadataErrors(object, stored === undefined) : labelErrors(object);
  return [...found, ...(schema?.errors(object, stored, found) ?? [])];
};

/** An UPDATE is put together as kubectl does it; what no webhook is asked about, custom resources aside, stays as it is given. */
const sentFor = (object: KubeObject, stored: KubeObject | undefined): KubeObject => {
  if (stored === undefined) return object;
  if (isCustom(object)) return applied(stored, object);
  return isHandled(object) ? applied(stored, object, builtInFields) : object;
};

const requestFor = (object: KubeObject, stored: KubeObject | undefined, namespace: string): AdmissionRequest =>
  stored === undefined
    ? asCreate(object, namespace)
    : { ...asCreate(object, namespace), operation: 'UPDATE', oldObject: stored };

/** The groups that an API server brings itself. */
const BUILT_IN_GROUPS = new Set([
  ...['', 'apps', 'autoscaling', 'batch', 'policy'],
  ...[
    ...['admissionregistration', 'apiextensions', 'apiregistration', 'authentication', 'authorization', 'certificates'],
    ...['coordination', 'discovery', 'events', 'flowcontrol.apiserver', 'networking', 'node'],
    ...['rbac.authorization', 'resource', 'scheduling', 'storage', 'storagemigration'],
  ].map((group) => `${group}.k8s.io`),
]);

/** Kinds of CustomResourceDefinitions. */
const isCustom = ({ apiVersion }: KubeObject): boolean => !BUILT_IN_GROUPS.has(groupVersionOf(apiVersion).group);

/** What the controllers make: in a namespace, and for a claim that no webhook was sent. */
const companionsFor = (
  { object, operation }: AdmissionRequest,
  { explanation }: Admitted,
  cluster: PreviewCluster,
): NamespaceCompanions => {
  const isMissedClaim = object.apiVersion === 'v1' && object.kind === 'PersistentVolumeClaim' && operation === 'CREATE';
  if (!isMissedClaim || explanation().isSent) return companionsOf(object, cluster);
  return claimCompanions(object, cluster.facts);
};

const flawsOf = (object: KubeObject, namespace: string, { facts }: PreviewCluster): string | undefined => {
  if (object.kind !== 'PlatformDefaults' || groupVersionOf(object.apiVersion).group !== 'quartermaster.dev')
    return undefined;
  const flaws = validateDefaults(
    { ...object, metadata: { ...object.metadata, namespace } } as PlatformDefaults,
    facts.policy,
  );
  return flaws.length === 0 ? undefined : `${flaws.join('; ')}.`;
};
