import { AppError } from '../api/errors.ts';
import { nearestOf } from '../api/plain-text.ts';
import { mutators } from '../kinds/index.ts';

/** Where the API server has the objects of a kind. */
interface Askable {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly isNamespaced: true;
}

/** How people call what can be asked about, as it is written first. */
const NAMES: Readonly<Record<string, readonly [kind: string, ...short: string[]]>> = {
  persistentvolumeclaims: ['PersistentVolumeClaim', 'pvc'],
  sparkapplications: ['SparkApplication', 'sparkapp'],
  sparkconnects: ['SparkConnect', 'sparkconn'],
  sparkclusters: ['SparkCluster'],
  pods: ['Pod', 'po'],
  objectstores: ['ObjectStore'],
};

/**
 * The resource that a word names, in any case: a kind, its plural or its short name, with its group where two are called alike
 * (`sparkapplication.spark.apache.org`). Throws AppError('InvalidInput') where Quartermaster gives nothing to such objects.
 */
export const askableResource = (asked: string): Askable => {
  const [word = '', ...groupParts] = asked.toLowerCase().split('.');
  const group = groupParts.join('.');
  const plural = Object.keys(NAMES).find((known) =>
    [known, ...(NAMES[known] ?? [])].some((name) => name.toLowerCase() === word),
  );
  const rule = mutators
    .flatMap(({ rules }) => rules)
    .find((one) => one.resource === plural && (group === '' || one.group === group));
  if (plural === undefined || rule === undefined) throw unknownKind(asked);
  const [kind = ''] = NAMES[plural] ?? [];
  return { group: rule.group, version: rule.versions[0] ?? '', plural, kind, isNamespaced: true };
};

const unknownKind = (asked: string): AppError => {
  const kinds = Object.values(NAMES).map(([kind]) => kind);
  const meant = nearestOf(asked, Object.values(NAMES).flat());
  const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
  return new AppError(
    'InvalidInput',
    `Quartermaster gives nothing to a ${asked}${hint}; ask about one of ${kinds.join(', ')}.`,
  );
};
