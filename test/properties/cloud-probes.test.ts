import { validateHeaderName, validateHeaderValue } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { StringMap } from '../../src/api/kubernetes.ts';
import { FACT_NAMES, type MetadataAnswer, type MetadataClient } from '../../src/clouds/cloud.ts';
import { clouds } from '../../src/clouds/index.ts';
import { fc } from '../fixtures/fast-check.ts';

const body = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.json(),
  fc.constantFrom(
    '{"compute":null}',
    '{"compute":{"subscriptionId":1}}',
    '{"uuid":{}}',
    '{"id":["ocid1.instance."]}',
    '[]',
  ),
  fc.constantFrom(
    '{"uuid":"x","availability_zone":"<b>","project_id":" "}',
    'instance-id: 1\nhostname: a',
    'A'.repeat(40),
  ),
);

const answer: fc.Arbitrary<MetadataAnswer> = fc.oneof(
  fc.record({
    kind: fc.constant('response' as const),
    status: fc.constantFrom(200, 200, 200, 204, 301, 401, 403, 404, 500),
    headers: fc.constantFrom<StringMap>({}, { 'metadata-flavor': 'Google' }),
    body,
  }),
  fc.record({
    kind: fc.constant('silent' as const),
    why: fc.constantFrom('timeout', 'refused', 'reset', 'too-large'),
  }),
);

/** Answers with one after another of these, and takes no request that node:http would not send. */
const clientOf = (answers: readonly MetadataAnswer[]): MetadataClient => {
  let count = 0;
  const reply = (_path: string, headers: StringMap = {}): Promise<MetadataAnswer> => {
    for (const [name, value] of Object.entries(headers)) {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    }
    return Promise.resolve(answers[count++ % answers.length] ?? { kind: 'silent', why: 'reset' });
  };
  return { get: reply, put: reply };
};

describe('a probe, whatever it is answered', () => {
  it.each(clouds.flatMap(({ name, probe }) => (probe === undefined ? [] : [{ name, probe }])))(
    'never throws and takes nothing for a fact that could not be one: $name',
    async ({ probe }) => {
      await fc.assert(
        fc.asyncProperty(fc.array(answer, { minLength: 1, maxLength: 6 }), async (answers) => {
          const result = await probe(clientOf(answers));
          if (result.kind !== 'match') return;
          for (const [name, { value }] of Object.entries(result.facts)) {
            expect(FACT_NAMES).toHaveProperty(name);
            expect(value).toMatch(/^[^\s<>"'`{}]{1,256}$/);
          }
        }),
        { numRuns: 500 },
      );
    },
  );
});
