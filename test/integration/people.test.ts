import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../dev/control-plane/control-plane.ts';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import { manifests } from '../../src/cli/manifests.ts';

const SYSTEM = 'quartermaster-system';
let controlPlane: ControlPlane;

beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: true });
  await kubectl(controlPlane, ['apply', '-f', '-'], { input: manifests() });
  for (const role of ['view', 'edit', 'admin'])
    await kubectl(controlPlane, ['create', 'rolebinding', role, `--clusterrole=${role}`, `--user=${role}`]);
  const admin = ['--clusterrole=quartermaster-platform-admin', '--user=platform'];
  await kubectl(controlPlane, ['create', 'clusterrolebinding', 'platform', ...admin]);
  const operator = ['--role=quartermaster-platform-admin', '--user=platform', '-n', SYSTEM];
  await kubectl(controlPlane, ['create', 'rolebinding', 'platform', ...operator]);
});
afterAll(() => controlPlane?.stop());

/** What the API server answers to `kubectl auth can-i` of that person. */
const canI = async (user: string, verb: string, path: string, namespace: string): Promise<boolean> => {
  const kubeconfig = await controlPlane.userKubeconfig(user);
  const [resource = '', subresource = ''] = path.split(':');
  const question = ['auth', 'can-i', verb, resource, `--subresource=${subresource}`, '-n', namespace];
  const asked = kubectl(controlPlane, question, { kubeconfig });
  return asked.then(
    (answer) => answer.trim() === 'yes',
    () => false,
  );
};

const DEFAULTS = 'platformdefaults.quartermaster.dev';
const STORES = 'objectstores.banzaicloud.com';

describe('a person to whom a namespace', () => {
  it.each([
    ['view', 'list', DEFAULTS, true],
    ['view', 'get', `${STORES}:status`, true],
    ['view', 'create', DEFAULTS, false],
    ['edit', 'create', DEFAULTS, true],
    ['edit', 'get', STORES, true],
    ['edit', 'delete', STORES, true],
    ['edit', 'patch', `${STORES}:status`, false],
    ['admin', 'patch', DEFAULTS, true],
    ['admin', 'watch', STORES, true],
  ])('is bound as %s: may %s %s there: %s', async (user, verb, resource, expected) => {
    await expect.poll(() => canI(user, verb, resource, 'default')).toBe(expected);
    expect(await canI(user, verb, resource, 'kube-public')).toBe(false);
  });
});

describe('a platform admin', () => {
  it.each([
    ['create', DEFAULTS, 'default', true],
    ['delete', STORES, 'kube-public', true],
    ['get', 'secrets', SYSTEM, false],
    ['get', 'pods:log', SYSTEM, true],
    ['patch', 'deployments.apps/quartermaster', SYSTEM, false],
    ['create', 'pods', SYSTEM, false],
    ['delete', 'mutatingwebhookconfigurations/quartermaster', SYSTEM, true],
    ['delete', 'mutatingwebhookconfigurations/theirs', SYSTEM, false],
  ])('may %s %s in %s: %s', async (verb, resource, namespace, expected) => {
    expect(await canI('platform', verb, resource, namespace)).toBe(expected);
  });
});
