import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type ControlPlane, startControlPlane } from '../../dev/control-plane/control-plane.ts';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { admit } from '../fixtures/admitting.ts';
import { createFiles, quartermaster } from '../fixtures/command-line.ts';

interface WebhookConfiguration {
  readonly webhooks: readonly object[];
}

let controlPlane: ControlPlane;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  await kubectl(controlPlane, ['apply', '-f', 'manifests/base/crds.yaml', '-f', 'test/schemas']);
  await kubectl(controlPlane, ['wait', '--for=condition=Established', 'crd', '--all', '--timeout=50s']);
});

afterAll(() => controlPlane?.stop());

const send = (verb: 'apply' | 'create' | 'replace', object: object, ...more: readonly string[]): Promise<string> =>
  kubectl(controlPlane, [verb, '-f', '-', ...more], { input: JSON.stringify(object) });
const named = (apiVersion: string, kind: string, name: string, spec: object, metadata: object = {}) => ({
  apiVersion,
  kind,
  metadata: { name, namespace: 'default', ...metadata },
  spec,
});
const defaults = (spec: object) => named('quartermaster.dev/v1alpha1', 'PlatformDefaults', 'rules', spec);
const store = (name: string, spec: object) => named('banzaicloud.com/v1alpha1', 'ObjectStore', name, spec);
const claim = (name: string, storageClassName?: string) =>
  named('v1', 'PersistentVolumeClaim', name, {
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '1Gi' } },
    storageClassName,
  });

describe('the CEL rules of the CRDs, in the API server', () => {
  const spark = { kinds: ['SparkApplication'] };
  const refused: readonly (readonly [string, object])[] = [
    [
      'inject.sparkConf is taken by',
      defaults({ match: { kinds: ['WorkflowPod'] }, inject: { sparkConf: { 'spark.a': 'b' } } }),
    ],
    [
      'In and NotIn need values',
      defaults({ match: { ...spark, selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } } }),
    ],
    [
      'each of volumeMounts must name one',
      defaults({ match: spark, inject: { volumeMounts: [{ name: 'a', mountPath: '/a' }] } }),
    ],
    ['on s3', store('dots', { provider: 's3', name: 'my..bucket' })],
    ['spec.forceDelete needs', store('force', { provider: 's3', name: 'forced', forceDelete: true })],
  ];

  it.each(refused)('refuse what breaks "%s"', async (message, object) => {
    await expect(send('create', object, '--dry-run=server')).rejects.toThrow(message);
  });

  it('refuse another name for a bucket that is there', async () => {
    await send('create', store('named', { provider: 's3', name: 'first' }));
    const renamed = send('apply', store('named', { provider: 's3', name: 'second' }));
    await expect(renamed).rejects.toThrow('spec.name cannot be changed');
  });
});

describe('what `manifests --backstop` prints, in the API server', () => {
  const enforced = (kind: string, inject: object) => ({
    ...defaults({ mode: 'Enforce', match: { kinds: [kind], selector: { matchLabels: { team: 'geo' } } }, inject }),
    metadata: { name: `geo-${kind.toLowerCase()}`, namespace: 'quartermaster-system' },
  });
  const enforcedAll = [
    enforced('PersistentVolumeClaim', { labels: { 'example.org/cost-centre': '4711' } }),
    enforced('Pod', {
      labels: { 'example.org/cost-centre': '4711', 'example.org/by': '${namespace}' },
      annotations: { 'example.org/note': 'a "quoted" one' },
      env: [{ name: 'HTTP_PROXY', value: 'http://proxy:3128' }],
      volumes: [{ name: 'scratch', emptyDir: {} }],
      volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
      nodeSelector: { pool: 'batch' },
      tolerations: [{ key: 'batch', operator: 'Exists' }],
    }),
  ];
  interface Pod extends KubeObject {
    readonly spec: Readonly<Record<string, unknown>>;
  }
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'backstopped', namespace: 'default', labels: { team: 'geo' } },
    spec: { containers: [{ name: 'main', image: 'busybox' }] },
  };
  const labelled: KubeObject = { ...claim('labelled'), metadata: { name: 'labelled', labels: { team: 'geo' } } };
  const injected = <T extends KubeObject>(object: T): T =>
    admit(object, enforcedAll as unknown as readonly PlatformDefaults[]).object as T;
  const podBut = (spec: object, metadata: object = {}): object => {
    const given = injected(pod);
    return { ...given, metadata: { ...given.metadata, ...metadata }, spec: { ...given.spec, ...spec } };
  };
  const dryRun = (object: object): Promise<string> => send('create', object, '--dry-run=server').catch(String);

  it('refuses what evades the webhooks, and nothing that they gave what is enforced', async () => {
    const file = createFiles()('enforced.yaml', enforcedAll.map((one) => JSON.stringify(one)).join('\n---\n'));
    const { out, err } = await quartermaster('manifests', '--backstop', file);
    expect(err.replace(/\s+/g, ' ')).toBe(
      'Left out: PlatformDefaults quartermaster-system/geo-pod: volumeMounts. Left out: PlatformDefaults quartermaster-system/geo-pod: the values of labels example.org/by, which follow from variables. ',
    );
    await kubectl(controlPlane, ['delete', 'mutatingwebhookconfigurations', '--all']);
    await kubectl(controlPlane, ['apply', '-f', '-'], { input: out });
    await expect.poll(() => dryRun(pod)).toContain('is enforced by PlatformDefaults quartermaster-system/geo-pod');
    const evading: readonly (readonly [string, object])[] = [
      ['labels example.org/cost-centre', podBut({}, { labels: { team: 'geo' } })],
      [
        'labels example.org/cost-centre',
        podBut({}, { labels: { ...injected(pod).metadata.labels, 'example.org/cost-centre': '1' } }),
      ],
      ['labels example.org/by', podBut({}, { labels: { team: 'geo', 'example.org/cost-centre': '4711' } })],
      ['annotations example.org/note', podBut({}, { annotations: { 'example.org/note': 'another' } })],
      ['env HTTP_PROXY', podBut({ containers: [{ name: 'main', image: 'busybox' }] })],
      ['volumes scratch', podBut({ containers: [{ ...main(), volumeMounts: [] }], volumes: [] })],
      ['nodeSelector pool', podBut({ nodeSelector: { pool: 'other' } })],
      ['tolerations batch', podBut({ tolerations: [] })],
      ['labels example.org/cost-centre', labelled],
    ];
    for (const [what, object] of evading)
      await expect.poll(() => dryRun(object), { message: what }).toContain(`${what} is enforced by`);
    for (const object of [injected(pod), injected(labelled), { ...pod, metadata: { name: 'of-others' } }])
      expect(await dryRun(object)).toContain('created');
  });
  const main = (): object => (injected(pod).spec['containers'] as readonly object[])[0] ?? {};
});

describe('the match conditions of the webhooks, in the API server', () => {
  /** As they are shipped, but that whatever is sent to one fails. */
  const failEveryCall = async (): Promise<void> => {
    const shipped = parse(await readFile('manifests/base/webhook-configuration.yaml', 'utf8')) as WebhookConfiguration;
    const clientConfig = { url: 'https://127.0.0.1:1/mutate' };
    const failing = shipped.webhooks.map((webhook) => ({ ...webhook, clientConfig, failurePolicy: 'Fail' }));
    await send('apply', { ...shipped, webhooks: failing });
  };
  const finalized = named(
    'sparkoperator.k8s.io/v1beta2',
    'SparkApplication',
    'leaving',
    { type: 'Scala', sparkVersion: '4.0.0', mainApplicationFile: 'local:///a.jar', driver: {}, executor: {} },
    { finalizers: ['example.org/wait'] },
  );
  const patch = (change: string) =>
    kubectl(controlPlane, ['patch', 'sparkapplications.sparkoperator.k8s.io', 'leaving', '--type=merge', '-p', change]);

  it('send each claim that is made, and of changes those of what was injected', async () => {
    await kubectl(controlPlane, ['delete', 'mutatingwebhookconfigurations', '--all']);
    const told = { metadata: { annotations: { 'quartermaster.dev/injected': '{}' } } };
    await expect.poll(() => send('apply', claim('plain')).catch(String)).toMatch(/created|unchanged/);
    await send('apply', { ...claim('told'), metadata: { ...claim('told').metadata, ...told.metadata } });
    await failEveryCall();
    const isAsked = () => send('create', claim('classed', 'fast'), '--dry-run=server');
    await expect.poll(() => isAsked().catch(String)).toContain('failed calling webhook');
    await expect(send('create', claim('bare'), '--dry-run=server')).rejects.toThrow('failed calling webhook');
    await expect(send('create', claim('by-hand', ''), '--dry-run=server')).rejects.toThrow('failed calling webhook');
    const label = (name: string) =>
      kubectl(controlPlane, ['label', '--overwrite', 'persistentvolumeclaims', name, 'a=b', '--dry-run=server']);
    expect(await label('plain')).toContain('labeled');
    await expect(label('told')).rejects.toThrow('failed calling webhook');
  });

  it('let what is being deleted lose its finalizers while no webhook answers', async () => {
    await kubectl(controlPlane, ['delete', 'mutatingwebhookconfigurations', '--all']);
    await expect.poll(() => send('apply', finalized).catch(String)).toMatch(/created|unchanged/);
    await failEveryCall();
    const label = '{"metadata": {"labels": {"a": "b"}}}';
    await expect.poll(() => patch(label).catch(String)).toContain('failed calling webhook');
    await kubectl(controlPlane, ['delete', 'sparkapplications.sparkoperator.k8s.io', 'leaving', '--wait=false']);
    expect(await patch('{"metadata": {"finalizers": null}}')).toContain('patched');
  });
});
