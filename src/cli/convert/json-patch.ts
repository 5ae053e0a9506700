import { messageOf } from '../../api/errors.ts';
import { isRecord } from '../../injection/path.ts';
import { documentsIn, type ParsedDocument } from '../documents.ts';
import type { LeftOut } from './assignment.ts';
import { type Read, together } from './merge-patch.ts';

/** What the operations of a JSON Patch assign: those that add or replace a field that Quartermaster has a key for. */
export const readJsonPatch = (text: unknown): Read => {
  const operations = typeof text === 'string' ? contentOf(text) : text;
  if (operations instanceof NoYaml) return refused({ field: FIELD, reason: `is no YAML: ${operations.message}` });
  if (!Array.isArray(operations)) return refused({ field: FIELD, reason: 'is no list of operations' });
  if (operations.length === 0) return refused({ field: FIELD, reason: 'is empty, and sets nothing' });
  return together((operations as unknown[]).map(operationOf));
};

const FIELD = 'patchesJson6902';

class NoYaml extends Error {}

const contentOf = (text: string): unknown => {
  const [parsed, second] = documentsIn(FIELD, text);
  if (second !== undefined) return new NoYaml('there are several documents in it');
  const [error] = parsed?.document.errors ?? [];
  if (parsed === undefined || error === undefined) return readValue(parsed?.document);
  return new NoYaml(`line ${parsed.positionOf(error.pos[0]).line}: ${error.message.replace(/\s+/g, ' ')}`);
};

const readValue = (document: ParsedDocument['document'] | undefined): unknown => {
  try {
    return document?.toJS();
  } catch (cause) {
    return new NoYaml(messageOf(cause), { cause });
  }
};

const operationOf = (operation: unknown): Read => {
  const { op, path, value } = isRecord(operation) ? operation : {};
  if (typeof path !== 'string') return refused({ field: FIELD, reason: 'has an operation without a path' });
  const field = path;
  if (op !== 'add' && op !== 'replace') return refused({ field, reason: `has the operation ${String(op)}` });
  if (value === undefined) return refused({ field, reason: 'has no value' });
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
