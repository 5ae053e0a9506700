import { describe, expect, it } from 'vitest';
import type { KubeObject, Pod } from '../../src/api/kubernetes.ts';
import { admit } from '../fixtures/admitting.ts';
import { platformDefaults } from '../fixtures/defaults.ts';

const TOKEN_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const token = { name: 'kube-api-access-abcde', mountPath: TOKEN_PATH, readOnly: true };
const tokenVolume = { name: token.name, projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } };
const podWith = (spec: object): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'it', namespace: 'team-a' },
    spec: { containers: [{ name: 'main', image: 'x', volumeMounts: [token] }], volumes: [tokenVolume], ...spec },
  }) as KubeObject;

const sidecar = (mode: 'Default' | 'Enforce', own: object = {}) =>
  platformDefaults('agent', {
    mode,
    match: { kinds: ['Pod'] },
    inject: { env: [{ name: 'A', value: 'b' }], sidecars: [{ name: 'agent', image: 'quay.io/agent:1', ...own }] },
  });

const initContainersOf = (pod: KubeObject): readonly object[] => (pod as Pod).spec?.initContainers ?? [];

/** What ServiceAccount admission, LimitRanger and the API server's defaults make of an added container in between. */
const filledIn = (pod: KubeObject, more: object = {}): KubeObject => {
  const initContainers = initContainersOf(pod).map((container) => ({
    ...container,
    volumeMounts: [token],
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: 'IfNotPresent',
    resources: { requests: { cpu: '100m' } },
    ...more,
  }));
  return { ...pod, spec: { ...(pod as Pod).spec, initContainers } } as KubeObject;
};

describe('a container that was added', () => {
  it.each(['Default', 'Enforce'] as const)('keeps, with mode %s, what the API server gave it since', (mode) => {
    const between = filledIn(admit(podWith({}), [sidecar(mode)]).object);
    expect(admit(between, [sidecar(mode)]).object).toEqual(between);
  });

  it('is what is enforced for all that, whatever came to it besides', () => {
    const enforced = [sidecar('Enforce', { workingDir: '/agent' })];
    const once = admit(podWith({}), enforced).object;
    const odd = { workingDir: '/tmp', lifecycle: { postStart: { exec: { command: ['kill', '1'] } } } };
    expect(admit(filledIn(once, odd), enforced).object).toEqual(filledIn(once));
  });

  it('is given no token by a volume that is none', () => {
    const once = admit(podWith({}), [sidecar('Enforce')]).object;
    const forged = { ...filledIn(once), spec: { ...(filledIn(once) as Pod).spec, volumes: [{ name: token.name }] } };
    const [agent] = initContainersOf(admit(forged as KubeObject, [sidecar('Enforce')]).object);
    expect(agent).not.toHaveProperty('volumeMounts');
  });
});

describe('enforced sources of variables', () => {
  const source = (name: string) => ({ configMapRef: { name, optional: true } });
  const enforced = (...names: readonly string[]) =>
    platformDefaults('sources', {
      mode: 'Enforce',
      match: { kinds: ['Pod', 'SparkApplication'] },
      inject: { envFrom: names.map(source) },
    });
  const spark = (envFrom: readonly object[]): KubeObject =>
    ({
      apiVersion: 'sparkoperator.k8s.io/v1beta2',
      kind: 'SparkApplication',
      metadata: { name: 'it', namespace: 'team-a' },
      spec: { driver: { envFrom }, executor: {} },
    }) as KubeObject;
  const pod = (envFrom: readonly object[]): KubeObject =>
    podWith({ containers: [{ name: 'main', image: 'x', envFrom }] });
  const sourcesOf = ({ spec }: KubeObject & { spec?: unknown }): unknown => {
    const { driver, containers } = spec as { driver?: { envFrom: unknown }; containers?: { envFrom: unknown }[] };
    return driver?.envFrom ?? containers?.[0]?.envFrom;
  };

  it.each([
    [['proxy', 'mine'], ['proxy'], ['mine', 'proxy']],
    [
      ['proxy', 'mine', 'other'],
      ['other', 'proxy'],
      ['mine', 'other', 'proxy'],
    ],
    [
      ['b', 'a'],
      ['a', 'b'],
      ['a', 'b'],
    ],
    [
      ['mine', 'a', 'b'],
      ['a', 'b'],
      ['mine', 'a', 'b'],
    ],
    [['a', 'mine', 'a'], ['a'], ['mine', 'a']],
  ])('come last wherever their user has them: of %j and enforced %j %j', (own, given, after) => {
    for (const make of [pod, spark]) {
      const { object, explain } = admit(make(own.map(source)), [enforced(...given)]);
      expect(sourcesOf(object)).toEqual(after.map(source));
      expect(admit(object, [enforced(...given)]).object).toEqual(object);
      expect(explain.length > 0).toBe(true);
    }
  });
});
