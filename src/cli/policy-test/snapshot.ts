import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { createTwoFilesPatch } from 'diff';
import { parse, stringify } from 'yaml';
import { AppError, messageOf } from '../../api/errors.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { INJECTED_ANNOTATION } from '../../api/names.ts';
import { isRecord } from '../../injection/path.ts';
import type { PreviewedDocument } from '../preview/session.ts';

/** What came of a test, as it is kept. */
export type Snapshot = readonly unknown[];

/** The objects as they came out, with what is made for them and what is told. */
export const snapshotOf = (documents: readonly PreviewedDocument[]): Snapshot =>
  documents.map(({ object, companions, warnings, denied, createdBy }) => ({
    ...(createdBy !== undefined && { createdBy }),
    ...(denied === undefined ? { object: withoutRecord(object) } : { refused: denied }),
    ...(companions.length > 0 && { makes: companions.map(plain) }),
    ...(warnings.length > 0 && { warnings }),
  }));

/** The record of what was given names generations, and says nothing that the fields do not. */
const withoutRecord = (object: KubeObject): unknown => {
  const { [INJECTED_ANNOTATION]: _, ...annotations } = object.metadata.annotations ?? {};
  const { annotations: _all, ...metadata } = object.metadata;
  const hasOthers = Object.keys(annotations).length > 0;
  return plain({ ...object, metadata: { ...metadata, ...(hasOthers && { annotations }) } });
};

/** Without what no YAML keeps. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** Where the snapshots of a file of tests are: beside it. */
const snapshotFile = (file: string): string => file.replace(/(\.test)?\.ya?ml$/, '.snapshot.yaml');

/** Those that were written, by name of the test. Throws AppError('InvalidInput') for a file that holds something else. */
export const readSnapshots = (file: string): ReadonlyMap<string, Snapshot> => {
  const path = snapshotFile(file);
  if (!existsSync(path)) return new Map();
  const snapshots = contentOf(path) ?? {};
  if (isRecord(snapshots)) return new Map(Object.entries(snapshots as Readonly<Record<string, Snapshot>>));
  throw new AppError('InvalidInput', `${path}: holds no snapshots; remove it, and write them anew with --update.`);
};

const contentOf = (path: string): unknown => {
  try {
    return parse(readFileSync(path, 'utf8'), { logLevel: 'error' });
  } catch (cause) {
    throw new AppError('InvalidInput', `${path}: cannot be read: ${messageOf(cause)}`, { cause });
  }
};

/** Writes all that there are to be of a file; removes it where there are none. True where something changed. */
export const writeSnapshots = (file: string, snapshots: ReadonlyMap<string, Snapshot>): boolean => {
  const before = readSnapshots(file);
  if (isDeepStrictEqual(before, snapshots)) return false;
  if (snapshots.size === 0) rmSync(snapshotFile(file));
  else
    writeFileSync(
      snapshotFile(file),
      `${HEAD}${stringify(Object.fromEntries(snapshots), { lineWidth: 0, aliasDuplicateObjects: false })}`,
    );
  return true;
};

const HEAD = '# Written by `quartermaster test --update`.\n';

/** How it differs from what was written. */
export const snapshotFailures = (now: Snapshot, before: Snapshot | undefined): readonly string[] => {
  if (before === undefined) return ['snapshot: is not written yet; run with --update'];
  if (isDeepStrictEqual(now, before)) return [];
  const [was, is] = [before, now].map((snapshot) => stringify(snapshot, { aliasDuplicateObjects: false }));
  const patch = createTwoFilesPatch('snapshot', 'now', was ?? '', is ?? '', '', '', { context: 2 });
  const lines = patch
    .split('\n')
    .slice(4)
    .filter((line) => line !== '');
  return ['snapshot: is not what it was; run with --update if it should be so', ...lines.map((line) => `  ${line}`)];
};
