import { isDeepStrictEqual } from 'node:util';
import jsonpatch from 'jsonpatch';
import type { PatchOperation } from '../../src/api/admission.ts';

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Throws where a body is no metav1.Status of failure with this code. */
export const checkStatus = (code: number, body: unknown): void => {
  const isStatus =
    isFields(body) &&
    body['kind'] === 'Status' &&
    body['status'] === 'Failure' &&
    body['code'] === code &&
    typeof body['message'] === 'string';
  if (!isStatus) throw new Error(`answered ${code} with no Status: ${JSON.stringify(body)?.slice(0, 200)}`);
};

/** Throws where a body is no AdmissionReview with an answer to a request. Gives the patch. */
export const checkReview = (uid: unknown, body: unknown): readonly PatchOperation[] => {
  const response = isFields(body) ? body['response'] : undefined;
  if (!isFields(body) || body['kind'] !== 'AdmissionReview' || !isFields(response))
    throw new Error(`answered 200 with no AdmissionReview: ${JSON.stringify(body)?.slice(0, 200)}`);
  if (uid !== undefined && response['uid'] !== uid) throw new Error('answered another request');
  if (typeof response['allowed'] !== 'boolean') throw new Error('neither allowed nor refused');
  if (response['allowed'] === false && !isFields(response['status'])) throw new Error('refused without a reason');
  const patch = response['patch'];
  if (patch === undefined) return [];
  if (response['patchType'] !== 'JSONPatch' || typeof patch !== 'string') throw new Error('a patch of no type');
  return JSON.parse(Buffer.from(patch, 'base64').toString()) as readonly PatchOperation[];
};

/** The object with the patch, by another implementation. Throws where that cannot be, or what is no part of the patch changed. */
export const applyPatch = (object: unknown, patch: readonly PatchOperation[]): unknown => {
  const before = JSON.stringify(object);
  const patched: unknown = jsonpatch.apply_patch(JSON.parse(before), [...patch]);
  if (patch.length === 0 && !isDeepStrictEqual(patched, JSON.parse(before))) throw new Error('changed without a patch');
  return patched;
};

/** What the API server takes is a few dozen levels deep; comparing thousands overflows the stack, and is answered with 500. */
export const isTooDeep = (text: string): boolean => depthOf(text) > 500;

/** How deep the brackets of a text go at most, wherever they stand. */
const depthOf = (text: string): number => {
  let depth = 0;
  let deepest = 0;
  for (const sign of text) {
    if (sign === '{' || sign === '[') depth += 1;
    if (sign === '}' || sign === ']') depth -= 1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
};
