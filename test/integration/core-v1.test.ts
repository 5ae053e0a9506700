import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../dev/control-plane/control-plane.ts';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import { supported, wantedVersion } from '../../dev/control-plane/versions.ts';
import { coreV1Text, type OpenApi } from '../../dev/core-v1.ts';

let controlPlane: ControlPlane;

beforeAll(async () => {
  controlPlane = await startControlPlane();
});

afterAll(() => controlPlane?.stop());

it.runIf(wantedVersion(process.env) === supported.newest)(
  'what PlatformDefaults are held to is what the newest API server publishes (npm run core-fields)',
  async () => {
    const openApi = JSON.parse(await kubectl(controlPlane, ['get', '--raw', '/openapi/v3/api/v1'])) as OpenApi;
    const path = join(import.meta.dirname, '../../src/defaults/validation/core-v1.json');
    expect(await readFile(path, 'utf8')).toBe(coreV1Text(openApi));
  },
);

describe('an API server', () => {
  const container = { name: 'a', image: 'b' };
  const create = (spec: object): Promise<string> => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec: { containers: [container], ...spec } };
    const args = ['create', '--dry-run=server', '--validate=false', '-f', '-'];
    return kubectl(controlPlane, args, { input: JSON.stringify(pod) });
  };
  const selectedBy = (operator: string) => ({
    topologyKey: 'a',
    labelSelector: { matchExpressions: [{ key: 'a', operator, values: ['a'] }] },
  });
  const near = (term: object) => ({ podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } });

  it.each([
    ['a header without a value', { livenessProbe: { httpGet: { port: 1, httpHeaders: [{ name: 'A' }] } } }],
    ['an empty choice', { livenessProbe: { httpGet: { port: 1, scheme: '' } } }],
    ['a field that it does not know', { securityContext: { capabilites: { drop: ['ALL'] } } }],
  ])('takes %s', async (_, fields) => {
    expect(await create({ containers: [{ ...container, ...fields }] })).toContain('created');
  });

  it.each([
    ['a sysctl without a value', { securityContext: { sysctls: [{ name: 'net.a' }] } }],
    ['a unit of number 0', { volumes: [{ name: 'a', iscsi: { iqn: 'iqn.2001-04.org:a', targetPortal: '10.0.0.1' } }] }],
    [
      'a preference of any node',
      { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1 }] } } },
    ],
    ['a label selector', { affinity: near(selectedBy('NotIn')) }],
  ])('takes %s', async (_, spec) => {
    expect(await create(spec)).toContain('created');
  });

  it.each([
    ['a type', { securityContext: { runAsNonRoot: 'yes' } }, 'cannot be handled as a Pod'],
    ['an operator', { affinity: near(selectedBy('in')) }, 'operator'],
    [
      'metadata of a claim',
      {
        volumes: [
          {
            name: 'a',
            ephemeral: {
              volumeClaimTemplate: {
                metadata: { name: 'a' },
                spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
              },
            },
          },
        ],
      },
      'metadata.name: Forbidden',
    ],
  ])('refuses %s that is wrong', async (_, spec, message) => {
    await expect(create(spec)).rejects.toThrow(message);
  });
});
