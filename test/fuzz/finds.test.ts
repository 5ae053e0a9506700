import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { mountKey } from '../../src/api/inject-spec.ts';
import { validateDefaults } from '../../src/defaults/validation/spec.ts';
import { expandVariables, malformedVariable, variablesIn } from '../../src/defaults/variables.ts';
import { BucketError } from '../../src/kinds/object-store/providers/bucket.ts';
import { createGcsProvider } from '../../src/kinds/object-store/providers/gcs/provider.ts';
import { guarded } from '../../src/kinds/object-store/providers/index.ts';
import { cpuMsOf } from '../fixtures/cost.ts';
import { platformDefaults, system } from '../fixtures/defaults.ts';
import { desiredBucket } from '../fixtures/desired-bucket.ts';

const MILLION = 1_000_000;

describe('a text of a million characters', () => {
  it.each([
    ['slashes in a mount path', () => mountKey(`/a${'/'.repeat(MILLION)}b`)],
    ['variables that are opened and never closed', () => variablesIn('${'.repeat(MILLION / 2))],
    ['the same, looked at for what is malformed', () => malformedVariable('$${'.repeat(MILLION / 3))],
    ['the same, to be expanded', () => expandVariables('${'.repeat(MILLION / 2), () => 'x')],
  ])('is read in a moment: %s', (_what, read) => {
    expect(cpuMsOf(read)).toBeLessThan(1_000);
  });
});

describe('a PlatformDefaults', () => {
  const flawsOf = (spec: object): readonly string[] =>
    validateDefaults({ ...platformDefaults('it', {}), spec: spec as never }, system);
  const deep: unknown = JSON.parse(`${'['.repeat(9_000)}${']'.repeat(9_000)}`);

  it('whose list holds null is refused', () => {
    expect(flawsOf({ match: { kinds: [null] }, inject: { env: [{ name: 'a', value: 'b' }] } })).toEqual([
      'spec.match.kinds[0]: must not be null',
    ]);
  });

  it('that nests deeper than a stack can follow is refused', () => {
    const volumes = [{ name: 'v', emptyDir: deep }];
    expect(flawsOf({ match: { kinds: ['WorkflowPod'] }, inject: { volumes } })).toEqual([
      'spec.inject.volumes[0].emptyDir: is nested deeper than 50 levels',
    ]);
    expect(flawsOf({ match: { kinds: ['WorkflowPod'] }, unknown: deep })).toHaveLength(1);
  });
});

describe('Cloud Storage that answers nothing', () => {
  it.each(['observe', 'remove'] as const)('fails %s with a BucketError and leaves the process alive', async (call) => {
    const server = createServer((request, response) => {
      const isList = !request.url?.includes('/b/sparkhistory') || request.url.includes('/o');
      response.writeHead(isList ? 200 : 403, { 'content-type': 'application/json' }).end(isList ? 'null' : '{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const provider = guarded(createGcsProvider({ project: 'p', endpoint, isAnonymous: true }));
    const signal = AbortSignal.timeout(5_000);
    const called =
      call === 'observe' ? provider.observe(desiredBucket(), signal) : provider.remove(desiredBucket(), true, signal);
    await expect(called).rejects.toBeInstanceOf(BucketError);
    server.closeAllConnections();
    server.close();
  });
});
