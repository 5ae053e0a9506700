import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../api/kubernetes.ts';
import type { PreviewedDocument } from '../preview/session.ts';
import { fieldAt } from './field.ts';
import type { Expected, Made } from './schema.ts';

/** What is not as it should be, one line each. */
export const failuresOf = (expected: Expected, document: PreviewedDocument): readonly string[] => [
  ...admissionFailures(expected, document),
  ...fieldFailures(expected, document.object),
  ...warningFailures(expected.warnings, document.warnings),
  ...madeFailures(expected.makes, document.companions),
];

const admissionFailures = (expected: Expected, { allowed, denied, notInForce, patch }: PreviewedDocument) => [
  ...refusalFailures(expected, allowed, denied),
  ...partFailures('notInForce', expected.notInForce, notInForce, 'it would be in force'),
  ...(expected.unchanged === true && patch.length > 0
    ? [`unchanged: ${patch.map(({ op, path }) => `${op} ${path}`).join(', ')}`]
    : []),
  ...(expected.unchanged === false && patch.length === 0 ? ['unchanged: nothing was changed'] : []),
];

const refusalFailures = (
  { refused, allowed }: Expected,
  isAllowed: boolean,
  denied: string | undefined,
): readonly string[] => {
  if (refused !== undefined) return partFailures('refused', refused, denied, 'it was taken');
  const wanted = allowed ?? true;
  if (wanted === isAllowed) return [];
  return [wanted ? `it was refused: ${denied}` : 'allowed: expected it to be refused, and it was taken'];
};

const partFailures = (
  field: string,
  wanted: string | undefined,
  found: string | undefined,
  otherwise: string,
): readonly string[] =>
  wanted === undefined || found?.includes(wanted)
    ? []
    : [
        `${field}: expected ${JSON.stringify(wanted)}, found ${found === undefined ? otherwise : JSON.stringify(found)}`,
      ];

const fieldFailures = ({ fields = {}, absent = [] }: Pick<Expected, 'fields' | 'absent'>, object: KubeObject) => [
  ...Object.entries(fields).flatMap(([path, wanted]) => {
    const found = fieldAt(object, path);
    return isDeepStrictEqual(found, wanted) ? [] : [`${path}: expected ${shown(wanted)}, found ${shown(found)}`];
  }),
  ...absent.flatMap((path) => {
    const found = fieldAt(object, path);
    return found === undefined ? [] : [`${path}: expected nothing, found ${shown(found)}`];
  }),
];

const shown = (value: unknown): string => JSON.stringify(value) ?? 'nothing';

/** Each must be told, and nothing else. */
const warningFailures = (wanted: readonly string[] | undefined, found: readonly string[]): readonly string[] => {
  if (wanted === undefined) return [];
  const missing = wanted.filter((part) => !found.some((warning) => warning.includes(part)));
  const besides = found.filter((warning) => !wanted.some((part) => warning.includes(part)));
  return [
    ...missing.map((part) => `warnings: expected ${JSON.stringify(part)}, which was not told`),
    ...besides.map((warning) => `warnings: not expected: ${JSON.stringify(warning)}`),
  ];
};

const madeFailures = (wanted: readonly Made[] | undefined, found: readonly KubeObject[]): readonly string[] => {
  if (wanted === undefined) return [];
  const matched = wanted.map((one) => ({ one, object: found.find((object) => isNamed(object, one)) }));
  const besides = found.filter((object) => !wanted.some((one) => isNamed(object, one)));
  return [
    ...matched.flatMap(({ one, object }) =>
      object === undefined
        ? [`makes: expected ${nameOf(one)}, which is not made`]
        : fieldFailures(one, object).map((failure) => `makes ${nameOf(one)}: ${failure}`),
    ),
    ...besides.map(({ kind, metadata: { name } }) => `makes: not expected: ${kind}/${name}`),
  ];
};

const isNamed = ({ kind, metadata }: KubeObject, one: Made): boolean =>
  kind === one.kind && (one.name === undefined || metadata.name === one.name);

const nameOf = ({ kind, name }: Made): string => (name === undefined ? kind : `${kind}/${name}`);
