import type { Mutation } from '../../api/admission.ts';
import type { Injection } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { type BucketProviderName, MAX_LABELS } from '../../api/object-store.ts';
import { editsOf } from '../../injection/edit.ts';
import { inject } from '../../injection/injector.ts';
import { mapAt } from '../../injection/path.ts';
import type { Rules } from '../../injection/settlement.ts';
import { checkBucketLabel } from './bucket-labels.ts';

const BUCKET_LABELS = ['spec', 'labels'];

interface LabelInjection {
  /** Undefined where nobody knows whose bucket it will be: then any label may go on it. */
  readonly provider: BucketProviderName | undefined;
  readonly injection: Pick<Injection, 'labels' | 'annotations' | 'warnings'>;
  readonly isDisabled: boolean;
}

/** Labels go on the object and, where the provider takes them, on the bucket; annotations on the object alone. */
export const labelStore = (object: KubeObject, { provider, injection, isDisabled }: LabelInjection): Mutation => {
  const { labels, annotations, warnings } = injection;
  const edits = [
    ...editsOf(['metadata', 'labels'], labels),
    ...editsOf(['metadata', 'annotations'], annotations),
    ...editsOf(BUCKET_LABELS, labels),
  ];
  return inject(object, { edits, rulesFor: () => rulesFor(provider), form: 'names', warnings, isDisabled });
};

const rulesFor = (provider: BucketProviderName | undefined): Rules => ({
  conflictsOf: () => [],
  refusalOf: (object, { at, key, value }) => {
    if (at !== BUCKET_LABELS) return undefined;
    const existing = mapAt(object, BUCKET_LABELS);
    if (!Object.hasOwn(existing, key) && Object.keys(existing).length >= MAX_LABELS)
      return `there are ${MAX_LABELS} already`;
    return provider && checkBucketLabel(provider, key, String(value))?.replace(/\.$/, '');
  },
});
