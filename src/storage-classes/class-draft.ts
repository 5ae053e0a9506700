import type { Explanation } from '../api/admission.ts';
import type { ClassOption, CloudVerdict, Fact } from '../api/facts.ts';
import type { Resolved, StorageClassInjection } from '../api/injection.ts';
import type { StorageClass } from '../api/kubernetes.ts';
import { MADE_FOR_ANNOTATION, MADE_FROM_ANNOTATION, MANAGED_BY, MANAGED_BY_LABEL } from '../api/names.ts';
import type { Claim } from './claim.ts';
import { type ClassShape, override, shapeOfClass, shapeOfOption } from './class-shape.ts';
import { tierFor } from './tier.ts';

/** A class in the making: what it says, and why. */
export interface Draft {
  readonly shape: ClassShape;
  readonly used: ReadonlyMap<string, Fact>;
  readonly madeFor: string;
  readonly source: string;
  readonly why: string;
  readonly warnings: readonly string[];
}

export const draftFromOption = (option: ClassOption, claim: Claim, cloud: CloudVerdict): Draft => {
  const { mode, volumeMode } = claim;
  const tier = tierFor(option, claim);
  return {
    ...shapeOfOption(option, tier.parameters, cloud),
    madeFor: `${cloud.name} ${mode} ${volumeMode}, ${tier.name} tier`,
    source: `cloud ${cloud.name}`,
    why: `${option.provisioner} serves ${mode} ${volumeMode} volumes; ${tier.why}`,
    warnings: tier.caution === undefined ? [] : [tier.caution],
  };
};

export const draftFromClass = (original: StorageClass, { className }: Claim, cloud: CloudVerdict): Draft => {
  const name = original.metadata.name ?? '';
  const notes = cloud.notes.join(' ');
  return {
    shape: shapeOfClass(original),
    used: new Map(),
    madeFor: `copy of the default class ${name}`,
    source: `StorageClass ${name}`,
    why: `copied from the default class. ${notes}`,
    warnings:
      cloud.name === 'unknown'
        ? [`StorageClass ${className} is a copy of the default class ${name}, since the cloud is not known: ${notes}`]
        : [],
  };
};

/** A provisioner nobody but the platform team knows: Kubernetes’ own defaults, and what they say. */
export const draftFromProvisioner = (
  provisioner: string,
  { className, mode, volumeMode }: Claim,
  hasDriver: boolean,
): Draft => ({
  shape: { provisioner, reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate', allowVolumeExpansion: false },
  used: new Map(),
  madeFor: `${provisioner} ${mode} ${volumeMode}`,
  source: `provisioner ${provisioner}`,
  why: 'named by the platform team',
  warnings: hasDriver
    ? []
    : [
        `No CSIDriver ${provisioner} is registered: volumes of StorageClass ${className} stay pending unless it runs without one.`,
      ],
});

/** The whole class, with what PlatformDefaults say about it written over the draft. */
export const finishDraft = (
  draft: Draft,
  claim: Pick<Claim, 'className'>,
  injection: Resolved<StorageClassInjection> | undefined,
): StorageClass => {
  const madeFrom = [...draft.used].map(([name, { value, source }]) => `${name}=${value} (${source})`).join('; ');
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: {
      name: claim.className,
      labels: { [MANAGED_BY_LABEL]: MANAGED_BY },
      annotations: {
        [MADE_FOR_ANNOTATION]: draft.madeFor,
        ...(madeFrom !== '' && { [MADE_FROM_ANNOTATION]: madeFrom }),
      },
    },
    ...(injection === undefined ? draft.shape : override(draft.shape, injection.value)),
  };
};

export const explainDraft = (
  draft: Draft,
  { classPath }: Claim,
  injection: Resolved<StorageClassInjection> | undefined,
): readonly Explanation[] => {
  const derived: Explanation = { path: classPath, source: draft.source, mode: 'Derived', why: draft.why };
  if (injection === undefined) return [derived];
  const { mode, source, value } = injection;
  const by = `PlatformDefaults ${source.namespace}/${source.name}@${source.generation}`;
  return [derived, { path: classPath, source: by, mode, why: `gives the class its ${Object.keys(value).join(', ')}` }];
};
