import {
  type AccessMode,
  type Maybe,
  type PersistentVolumeClaim,
  quantityOf,
  type VolumeMode,
} from '../api/kubernetes.ts';
import { BETA_CLASS_ANNOTATION } from '../api/names.ts';

/** What a PersistentVolumeClaim asks of the class it names. */
export interface Claim {
  readonly className: string;
  /** JSON Pointer to where the claim names it. */
  readonly classPath: string;
  /** The strongest of the modes asked for. */
  readonly mode: AccessMode;
  readonly volumeMode: VolumeMode;
  /** 0 where the claim gives no size, or one that cannot be read. */
  readonly requestedGi: number;
}

/** Strongest first: a class that serves one of these on its own would leave the others unserved. */
const STRENGTH: readonly AccessMode[] = ['ReadWriteMany', 'ReadOnlyMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

/** Undefined where no class is asked for, where a volume is bound by hand, and where the API server will refuse the claim. */
export const claimOf = (claim: PersistentVolumeClaim): Claim | undefined => {
  const className = classNameOf(claim);
  const modes = accessModesOf(claim);
  const mode = STRENGTH.find((candidate) => modes.includes(candidate));
  if (!className || mode === undefined || !modes.every((asked) => STRENGTH.includes(asked)) || isPreBound(claim)) {
    return undefined;
  }
  const volumeMode = claim.spec?.volumeMode === 'Block' ? 'Block' : 'Filesystem';
  return {
    className,
    classPath: hasBetaAnnotation(claim) ? BETA_PATH : '/spec/storageClassName',
    mode,
    volumeMode,
    requestedGi: gibibytesOf(claim.spec?.resources?.requests?.['storage']),
  };
};

const BETA_PATH = `/metadata/annotations/${BETA_CLASS_ANNOTATION.replace('/', '~1')}`;

const hasBetaAnnotation = ({ metadata }: PersistentVolumeClaim): boolean =>
  typeof metadata.annotations?.[BETA_CLASS_ANNOTATION] === 'string';

/** The class a claim names, `''` for none at all. The annotation of old wins, as it does in Kubernetes. */
export const classNameOf = (claim: PersistentVolumeClaim): string | undefined => {
  const { metadata, spec } = claim;
  const name: unknown = hasBetaAnnotation(claim)
    ? metadata.annotations?.[BETA_CLASS_ANNOTATION]
    : spec?.storageClassName;
  return typeof name === 'string' ? name : undefined;
};

export const accessModesOf = ({ spec }: PersistentVolumeClaim): readonly AccessMode[] =>
  Array.isArray(spec?.accessModes) ? (spec.accessModes as readonly AccessMode[]) : [];

/** What a claim starts from that ties it to the class or driver of its source; a populator of any other kind fills any volume. */
export const sourceOf = ({ spec }: PersistentVolumeClaim): 'volume' | 'snapshot' | undefined => {
  const source = spec?.dataSource ?? spec?.dataSourceRef;
  const group = source?.apiGroup ?? '';
  if (source?.kind === 'PersistentVolumeClaim' && group === '') return 'volume';
  return source?.kind === 'VolumeSnapshot' && (group === '' || group === SNAPSHOT_GROUP) ? 'snapshot' : undefined;
};

/** The kind whose controller is to fill the claim's volume (a volume populator), as `<kind>.<group>`. */
export const populatorOf = (claim: PersistentVolumeClaim): string | undefined => {
  const { dataSource, dataSourceRef } = claim.spec ?? {};
  const source = dataSource ?? dataSourceRef;
  if (!source || sourceOf(claim) !== undefined) return undefined;
  return source.apiGroup ? `${source.kind}.${source.apiGroup}` : source.kind;
};

const SNAPSHOT_GROUP = 'snapshot.storage.k8s.io';

/** A volume is named or selected: whoever wrote that made the volume too. */
const isPreBound = ({ spec }: PersistentVolumeClaim): boolean => !!spec?.volumeName || isSet(spec?.selector);

const isSet = (value: Maybe<unknown>): boolean => value !== undefined && value !== null;

/** A Kubernetes quantity in GiB, infinite where it is beyond all numbers; 0 where it is none. */
export const gibibytesOf = (quantity: unknown): number => (quantityOf(quantity) ?? 0) / 2 ** 30;
