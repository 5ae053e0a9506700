import { parse } from 'yaml';
import { isRecord } from '../../injection/path.ts';
import type { LeftOut } from './assignment.ts';
import { type Read, together } from './merge-patch.ts';

/** What the operations of a JSON Patch assign: those that add or replace a field that Quartermaster has a key for. */
export const readJsonPatch = (text: unknown): Read => {
  const operations: unknown = typeof text === 'string' ? parse(text) : text;
  if (!Array.isArray(operations)) return refused({ field: 'patchesJson6902', reason: 'is no list of operations' });
  return together((operations as unknown[]).map(operationOf));
};

const operationOf = (operation: unknown): Read => {
  const { op, path, value } = isRecord(operation) ? operation : {};
  const field = String(path);
  if (op !== 'add' && op !== 'replace') return refused({ field, reason: `has the operation ${String(op)}` });
  const steps = field
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (steps.some((step) => /^\d+$/.test(step))) return refused({ field, reason: 'names an entry by its place' });
  const isAdded = steps.at(-1) === '-';
  return {
    assignments: [{ path: steps, value, mode: isAdded ? 'Default' : 'Enforce', isMerged: false }],
    leftOut: [],
  };
};

const refused = (leftOut: LeftOut): Read => ({ assignments: [], leftOut: [leftOut] });
