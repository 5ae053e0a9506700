import jsonpatch from 'jsonpatch';
import { decide } from '../admission/handler.ts';
import type { AdmissionRequest, Explanation, PatchOperation } from '../api/admission.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { mutators } from '../kinds/index.ts';
import { companionsOf, type PreviewCluster } from './companions.ts';
import type { Source, SourcedObject } from './documents.ts';

/** What admission would do to one object, as `preview -o json` prints it. */
export interface PreviewedDocument {
  readonly source: Source;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly allowed: boolean;
  /** After mutation: the patch applied by another implementation than the one that made it. */
  readonly object: KubeObject;
  readonly before: KubeObject;
  readonly patch: readonly PatchOperation[];
  readonly companions: readonly KubeObject[];
  readonly warnings: readonly string[];
  readonly explain: readonly Explanation[];
  /** Why it would be refused. */
  readonly denied?: string;
}

/** Pure: each object through the very code admission runs, as if it were created in `namespace` unless it names its own. */
export const preview = (
  objects: readonly SourcedObject[],
  cluster: PreviewCluster,
  namespace: string,
): readonly PreviewedDocument[] => objects.map((sourced) => previewOne(sourced, cluster, namespace));

const previewOne = (
  { source, object }: SourcedObject,
  cluster: PreviewCluster,
  fallback: string,
): PreviewedDocument => {
  const namespace = object.metadata.namespace ?? (isHandled(object) ? fallback : '');
  const decision = decide(asCreate(object, namespace), cluster.facts);
  const namespaceCompanions = companionsOf(object, cluster);
  return {
    source,
    kind: object.kind,
    namespace,
    name: object.metadata.name ?? '',
    allowed: decision.denied === undefined,
    object: jsonpatch.apply_patch(object, [...decision.patch]),
    before: object,
    patch: decision.patch,
    companions: [...decision.companions, ...namespaceCompanions.companions],
    warnings: [...decision.warnings, ...namespaceCompanions.warnings],
    explain: decision.explain,
    ...(decision.denied !== undefined && { denied: decision.denied }),
  };
};

const asCreate = (object: KubeObject, namespace: string): AdmissionRequest => {
  const [group, version] = object.apiVersion.includes('/') ? split(object.apiVersion) : ['', object.apiVersion];
  return {
    uid: 'preview',
    operation: 'CREATE',
    resource: { group, version, resource: pluralOf(object.kind) },
    namespace,
    ...(object.metadata.name !== undefined && { name: object.metadata.name }),
    object,
    dryRun: true,
    username: 'preview',
  };
};

const split = (apiVersion: string): [string, string] => {
  const at = apiVersion.indexOf('/');
  return [apiVersion.slice(0, at), apiVersion.slice(at + 1)];
};

/** True of every kind that a mutator asks for. */
const pluralOf = (kind: string): string => `${kind.toLowerCase()}s`;

const handled = new Set(mutators.flatMap(({ rules }) => rules.map(({ group, resource }) => `${group}/${resource}`)));

const isHandled = ({ apiVersion, kind }: KubeObject): boolean =>
  handled.has(`${apiVersion.includes('/') ? split(apiVersion)[0] : ''}/${pluralOf(kind)}`);
