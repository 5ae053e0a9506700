import type { Facts } from '../api/facts.ts';
import type { Mode } from '../api/injection.ts';
import type { Edit } from './edit.ts';
import type { InjectionPlan } from './injector.ts';
import { listAt, textAt } from './path.ts';
import { claimOf, desiredVolumes } from './volumes.ts';

type ClaimFacts = Pick<Facts, 'isClaimMissing'>;

/**
 * The same rules, but for defaults that mount a claim which is known to be missing: the pod would wait for it, for ever if
 * nobody makes it. What is enforced is mounted all the same: to wait for it is what was asked for.
 */
export const refusingMissingClaims =
  (rulesFor: InjectionPlan['rulesFor'], namespace: string, facts: ClaimFacts): InjectionPlan['rulesFor'] =>
  (edits) => {
    const missing = new Map(missingOf(edits, 'Default', namespace, facts).map(({ edit, claim }) => [edit.key, claim]));
    const rules = rulesFor(edits);
    if (missing.size === 0) return rules;
    return {
      ...rules,
      refusalOf: (object, edit) => {
        const claim = volumesOf(edit)
          .map((volume) => missing.get(volume))
          .find((one) => one !== undefined);
        return claim === undefined
          ? rules.refusalOf(object, edit)
          : `there is no claim ${claim} in this namespace, and the pod would wait for it`;
      },
    };
  };

/** One sentence for each enforced volume whose claim is known to be missing. */
export const missingClaimWarnings = (edits: readonly Edit[], namespace: string, facts: ClaimFacts): readonly string[] =>
  missingOf(edits, 'Enforce', namespace, facts).map(
    ({ edit, claim }) =>
      `PlatformDefaults ${edit.by} enforces a volume of claim ${claim}, which is not in this namespace: the pod waits until somebody makes it.`,
  );

interface MissingClaim {
  readonly edit: Edit;
  readonly claim: string;
}

const missingOf = (
  edits: readonly Edit[],
  mode: Mode,
  namespace: string,
  { isClaimMissing }: ClaimFacts,
): readonly MissingClaim[] =>
  [...desiredVolumes(edits).values()].flatMap((edit) => {
    const claim = edit.mode === mode ? claimOf(edit.value) : undefined;
    return claim !== undefined && isClaimMissing(namespace, claim) ? [{ edit, claim }] : [];
  });

/** The volumes that an edit gives or mounts. */
const volumesOf = ({ at, key, value }: Edit): readonly string[] => {
  const list = at.at(-1);
  if (list === 'volumeMounts') return [textAt(value, ['name']) ?? ''];
  if (list === 'initContainers') return listAt(value, ['volumeMounts']).map((mount) => textAt(mount, ['name']) ?? '');
  return list === 'volumes' ? [key] : [];
};
