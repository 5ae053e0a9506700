import type { KubeObject, ObjectMeta, StringMap } from '../api/kubernetes.ts';
import type { DefaultsExplanation } from '../defaults/explanation/explanation.ts';
import { eraseAll } from '../injection/edit.ts';
import { isRecord, mapAt, readAt, textAt } from '../injection/path.ts';
import { type RecordedField, writeInjected } from '../injection/snapshot.ts';
import type { PreviewCluster } from './cluster.ts';
import { admit, type ObjectExplanation } from './explain.ts';
import { asCreateAnew } from './request.ts';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** What became of one PlatformDefaults: true where it gives the object anything. */
export const gives = ({ verdict, values }: DefaultsExplanation): boolean =>
  verdict === 'applied' && values.some((value) => value.verdict === 'applied');

/** The same of what is audited, were it enforced. */
export const wouldGive = (one: DefaultsExplanation): boolean =>
  gives(one) || (one.verdict === 'audited' && gives({ ...one, verdict: 'applied' }));

/**
 * What a new object like a stored one would be given; `bare` is that one without what was injected. What its author wrote is kubectl's own copy where that fits, else `bare`.
 * What is enforced holds whatever its author wrote: where the copy would have it hold for less, the object counts.
 */
export const explainAnew = (stored: KubeObject, bare: KubeObject, cluster: PreviewCluster): ObjectExplanation => {
  const written = writtenIn(stored, bare);
  const explained = explainManifest(written ?? bare, cluster);
  const isEvaded = (one: DefaultsExplanation): boolean => one.mode !== 'Default' && !wouldGive(one);
  if (written === undefined || !explained.defaults.some(isEvaded)) return explained;
  const ofObject = explainManifest(bare, cluster);
  const given = new Map(ofObject.defaults.filter(wouldGive).map((one) => [one.source, one]));
  const denied = explained.denied ?? ofObject.denied;
  return {
    ...explained,
    denied,
    defaults: explained.defaults.map((one) => (isEvaded(one) && given.get(one.source)) || one),
  };
};

const explainManifest = (manifest: KubeObject, cluster: PreviewCluster): ObjectExplanation =>
  admit(asCreateAnew(manifest, manifest.metadata.namespace ?? ''), cluster).explanation();

/** A stored object as it would be without what its record says was put there. */
export const withoutInjected = (stored: KubeObject, recorded: readonly RecordedField[]): KubeObject => {
  const { name, generateName, namespace, labels, annotations, ownerReferences } = stored.metadata;
  const { [LAST_APPLIED]: _, ...others } = annotations ?? {};
  const { status: __, ...spared } = stored as KubeObject & { readonly status?: unknown };
  const metadata = {
    ...{ namespace, ownerReferences, labels: labels ?? {}, annotations: others },
    // A name that is made up is not there yet when an object is admitted.
    ...(typeof generateName === 'string' ? { generateName } : { name }),
  } as ObjectMeta;
  const erasable = recorded.filter(({ at }) => at[0] !== 'metadata' || METADATA.has(at.join('.')));
  const byPath = Map.groupBy(erasable, ({ at }) => at.join('/'));
  return writeInjected([...byPath.values()].reduce<KubeObject>(withoutFields, { ...spared, metadata }), undefined);
};

/** Where we put something in metadata. Whoever writes a record can name any field. */
const METADATA: ReadonlySet<string> = new Set(['metadata.labels', 'metadata.annotations']);

/** All fields of one path at once: a record names thousands, of a list that is as long. */
const withoutFields = (object: KubeObject, fields: readonly RecordedField[]): KubeObject => {
  const { at = [] } = fields[0] ?? {};
  const keys = new Set(fields.map(({ key }) => key));
  return eraseAll(object, at, keys);
};

/**
 * kubectl's copy of what was applied, with the names and labels that the object has. Undefined where there is none, and where it is of
 * another object: whoever may write annotations may write this one too.
 */
const writtenIn = (stored: KubeObject, bare: KubeObject): KubeObject | undefined => {
  const copy = parsed(textAt(stored, ['metadata', 'annotations', LAST_APPLIED]) ?? '');
  if (!isRecord(copy) || !isOf(stored, copy)) return undefined;
  const annotations = mapAt(copy, ['metadata', 'annotations']);
  if (!isTexts(annotations)) return undefined;
  // Labels may have been changed since by other means than apply.
  return { ...copy, apiVersion: stored.apiVersion, kind: stored.kind, metadata: { ...bare.metadata, annotations } };
};

const isOf = (stored: KubeObject, copy: object): boolean => {
  const isSame = (...path: readonly string[]): boolean => readAt(copy, path) === readAt(stored, path);
  const isHere = isSame('metadata', 'namespace') || readAt(copy, ['metadata', 'namespace']) === undefined;
  return (
    isSame('apiVersion') &&
    isSame('kind') &&
    isSame('metadata', 'name') &&
    isHere &&
    isRecord(readAt(copy, ['spec'])) === isRecord(readAt(stored, ['spec']))
  );
};

const isTexts = (map: Readonly<Record<string, unknown>>): map is StringMap =>
  Object.values(map).every((value) => typeof value === 'string');

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
