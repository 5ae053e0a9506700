import type { StringMap } from '../../api/kubernetes.ts';
import {
  CALRISSIAN_ENABLED,
  CALRISSIAN_LABEL,
  INJECT_DISABLED,
  INJECT_LABEL,
  INJECTED_ANNOTATION,
  PROVISIONED_BY_ANNOTATION,
  PROVISIONED_LABEL,
} from '../../api/names.ts';
import { nearestOf } from '../../api/plain-text.ts';

/** What looks like a label or annotation of ours and is none, so that it does nothing: one sentence each. */
export const nearMisses = (
  whose: string,
  {
    labels = {},
    annotations = {},
  }: { readonly labels?: StringMap | undefined; readonly annotations?: StringMap | undefined },
): readonly string[] => [
  ...Object.entries(labels).flatMap(([key, value]) => labelMiss(whose, key, value)),
  ...Object.entries(annotations).flatMap(([key, value]) => annotationMiss(whose, key, value)),
];

/** The labels people set, with the one value that counts. */
const SWITCHES: Readonly<Record<string, string>> = {
  [INJECT_LABEL]: INJECT_DISABLED,
  [CALRISSIAN_LABEL]: CALRISSIAN_ENABLED,
};

const labelMiss = (whose: string, key: string, value: string): readonly string[] => {
  const known = Object.hasOwn(SWITCHES, key) ? SWITCHES[key] : undefined;
  if (known !== undefined)
    return value === known
      ? []
      : [`${whose} has the label ${key}: "${value}", which does nothing: did you mean ${known}?`];
  const meant = OWN_KEYS.has(key) ? undefined : switchLike(key);
  return meant === undefined
    ? []
    : [`${whose} has the label ${key}, which does nothing: did you mean ${meant}: ${SWITCHES[meant]}?`];
};

const annotationMiss = (whose: string, key: string, value: string): readonly string[] => {
  const meant = Object.hasOwn(SWITCHES, key) ? key : OWN_KEYS.has(key) ? undefined : switchLike(key);
  return meant === undefined
    ? []
    : [
        `${whose} has the annotation ${key}: "${value}", which does nothing: did you mean the label ${meant}: ${SWITCHES[meant]}?`,
      ];
};

/** What Quartermaster itself writes. */
const OWN_KEYS: ReadonlySet<string> = new Set([INJECTED_ANNOTATION, PROVISIONED_BY_ANNOTATION, PROVISIONED_LABEL]);

const switchLike = (key: string): string | undefined =>
  key.includes('/') && /quarterm/i.test(key) ? nearestOf(key, Object.keys(SWITCHES)) : undefined;
