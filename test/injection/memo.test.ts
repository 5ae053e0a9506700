import { describe, expect, it } from 'vitest';
import { decideWith } from '../../src/admission/handler.ts';
import { type AdmissionRequest, type Mutator, untouched } from '../../src/api/admission.ts';
import type { Facts } from '../../src/api/facts.ts';
import { memoizePassing } from '../../src/injection/memo.ts';

const request = {
  operation: 'CREATE',
  resource: { group: '', resource: 'pods' },
  object: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'it' } },
} as unknown as AdmissionRequest;

/** Asks twice for what is made of the object, then does as it is told. */
const asking = (made: object[], end: () => void = () => undefined): Mutator =>
  ({
    rules: [],
    mutate: (object) => {
      const make = () => {
        made.push(object);
        return object;
      };
      for (const _ of [1, 2]) memoizePassing(object, asking, make);
      end();
      return untouched(object);
    },
  }) satisfies Mutator;

const facts = { defaults: {} } as unknown as Facts;

describe('what is made of an object under review', () => {
  it('is made once for a decision, and gone with it', () => {
    const made: object[] = [];
    const decide = decideWith(() => [asking(made), asking(made)]);
    decide(request, facts);
    expect(made).toHaveLength(1);
    decide(request, facts);
    expect(made).toHaveLength(2);
  });

  it('is gone too where the decision fails', () => {
    const made: object[] = [];
    const fail = () => {
      throw new Error('a fault');
    };
    expect(() => decideWith(() => [asking(made, fail)])(request, facts)).toThrow('a fault');
    decideWith(() => [asking(made)])(request, facts);
    expect(made).toHaveLength(2);
  });
});
