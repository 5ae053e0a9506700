import { isDeepStrictEqual } from 'node:util';
import { applyPatch, type Operation } from 'rfc6902';
import type { KubeObject } from '../src/api/kubernetes.ts';
import { INJECTED_ANNOTATION } from '../src/api/names.ts';
import { isRecord, listAt, mapAt, textAt } from '../src/injection/path.ts';
import { ask, type Subject } from './subject.ts';

/**
 * Asks each for the pod of a review. Throws where they do not come to the same labels, annotations, volumes and mounts, in whatever
 * order; the annotation in which Quartermaster alone writes down what it gave is left out.
 */
export const checkEqual = async (subjects: readonly Subject[], review: string): Promise<void> => {
  const results: { readonly name: string; readonly given: unknown }[] = [];
  for (const subject of subjects) results.push({ name: subject.name, given: givenIn(await mutated(subject, review)) });
  const [first, ...others] = results;
  for (const { name, given } of others)
    if (!isDeepStrictEqual(given, first?.given))
      throw new Error(
        `${name} does not give what ${first?.name} gives: ${JSON.stringify(given)} is not ${JSON.stringify(first?.given)}`,
      );
};

/** The pod as a server leaves it. */
const mutated = async (subject: Subject, review: string): Promise<unknown> => {
  const { request } = JSON.parse(review) as { readonly request: { readonly object: KubeObject } };
  const { response } = JSON.parse((await ask(subject, review)).body) as {
    readonly response: { readonly patch?: string };
  };
  const operations = JSON.parse(Buffer.from(response.patch ?? 'W10=', 'base64').toString()) as Operation[];
  const failed = applyPatch(request.object, operations).find((error) => error !== null);
  if (failed) throw new Error(`the patch of ${subject.name} cannot be applied: ${failed.message}`);
  return request.object;
};

/** What defaults give to a pod, in one order. */
export const givenIn = (pod: unknown): unknown => {
  const { [INJECTED_ANNOTATION]: _, ...annotations } = mapAt(pod, ['metadata', 'annotations']);
  return {
    annotations,
    labels: mapAt(pod, ['metadata', 'labels']),
    volumes: sortedBy('name', listAt(pod, ['spec', 'volumes']).map(withSource)),
    mounts: listAt(pod, ['spec', 'containers']).map((container) =>
      sortedBy('mountPath', listAt(container, ['volumeMounts'])),
    ),
  };
};

/** To the API server a volume of which nothing but its name is said is an `emptyDir`; Kyverno's ClusterPolicy leaves empty maps out. */
const withSource = (volume: unknown): unknown =>
  isRecord(volume) && Object.keys(volume).length === 1 ? { ...volume, emptyDir: {} } : volume;

const sortedBy = (field: string, list: readonly unknown[]): readonly unknown[] =>
  list.toSorted((a, b) => (textAt(a, [field]) ?? '').localeCompare(textAt(b, [field]) ?? ''));
