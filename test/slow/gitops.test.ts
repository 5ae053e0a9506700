import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { goProgram } from '../../dev/cluster/go-program.ts';
import { run } from '../../dev/control-plane/command.ts';
import { type ControlPlane, startControlPlane } from '../../dev/control-plane/control-plane.ts';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import { freePorts } from '../../dev/free-ports.ts';
import { startServe, untilReady } from '../../dev/serve-process.ts';
import { until } from '../../dev/until.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { INJECTED_ANNOTATION } from '../../src/api/names.ts';
import { manifests } from '../../src/cli/manifests.ts';
import type { MutatingWebhookConfiguration } from '../../src/controller/webhooks/configuration.ts';
import { webhookPublisher } from '../../src/controller/webhooks/publisher.ts';
import { toYaml } from '../../src/install/manifests.ts';
import { enforcedRules, rulesInForce } from '../../src/kinds/index.ts';
import { type Kube, resources } from '../../src/kube/api-server.ts';
import { createKube } from '../../src/kube/client.ts';
import { findConnection } from '../../src/kube/connection.ts';
import { gitopsPage, healthCases } from '../fixtures/gitops-page.ts';
import { sparkCrd } from '../fixtures/spark-world.ts';

const SYSTEM = 'quartermaster-system';
const ARGO = 'argocd-controller';
const MANAGERS = [ARGO, 'kustomize-controller'] as const;
const install = manifests();
const signal = new AbortController().signal;
const progress = (line: string): void => void process.stderr.write(`${line}\n`);

let controlPlane: ControlPlane;
let admin: Kube;
beforeAll(async () => {
  controlPlane = await startControlPlane();
  admin = createKube(await findConnection({ KUBECONFIG: controlPlane.kubeconfig }));
});
afterAll(async () => {
  await controlPlane?.stop();
  if (controlPlane) await rm(controlPlane.directory, { recursive: true, force: true });
});

const applyAs = (manager: string, input: string) =>
  kubectl(controlPlane, ['apply', '--server-side', '--force-conflicts', `--field-manager=${manager}`, '-f', '-'], {
    input,
  });
/** What Argo CD's server-side diff and Flux ask: fails with what differs. */
const differencesFor = (manager: string, input: string) =>
  kubectl(controlPlane, ['diff', '--server-side', '--force-conflicts', `--field-manager=${manager}`, '-f', '-'], {
    input,
  });

/** Where the cluster has another value than Git, as a diff without the server finds it: a list is one value. */
const legacyDifferences = (git: unknown, live: unknown, path = ''): readonly string[] => {
  if (typeof git !== 'object' || git === null || Array.isArray(git))
    return JSON.stringify(git) === JSON.stringify(live) ? [] : [path];
  return Object.entries(git).flatMap(([name, value]) =>
    legacyDifferences(value, (live as Readonly<Record<string, unknown>> | undefined)?.[name], `${path}/${name}`),
  );
};

describe('the install, applied by a GitOps controller and then written to by the leader', () => {
  const key = { namespace: '', name: 'quartermaster' };
  const asked = [{ kinds: ['Pod', 'SparkApplication'], labels: [], namespaceLabels: [] }] as const;
  const inGit = (): KubeObject =>
    parseAllDocuments(install)
      .map((document) => document.toJS() as KubeObject)
      .find(({ kind }) => kind === 'MutatingWebhookConfiguration') as KubeObject;

  beforeAll(async () => {
    for (const manager of MANAGERS) await applyAs(manager, install);
    await kubectl(controlPlane, ['wait', '--for=condition=established', '--timeout=50s', 'crd', '--all']);
    const kubeconfig = await controlPlane.serviceAccountKubeconfig(SYSTEM, 'quartermaster');
    const look = webhookPublisher({
      kube: createKube(await findConnection({ KUBECONFIG: kubeconfig })),
      name: key.name,
      installation: { namespace: SYSTEM, deployment: key.name, service: key.name, serviceAccount: key.name },
      probe: () => Promise.resolve(true),
      unavailablePolicy: 'keep',
      unavailableMs: 60_000,
      desired: () => ({
        rules: [...rulesInForce(asked), ...enforcedRules(asked, [])],
        target: { service: { name: key.name, namespace: SYSTEM } },
        caBundle: '-----BEGIN CERTIFICATE-----\n',
        systemNamespace: SYSTEM,
        nfsNamespace: 'quartermaster-nfs',
      }),
    });
    await look(signal);
    expect(await look(signal)).toBe('failing closed');
  });

  it.each(MANAGERS)('differs in nothing for %s, and applied again is as it was', async (manager) => {
    const before = await admin.get<MutatingWebhookConfiguration>(resources.mutatingWebhooks, key);
    expect(before?.webhooks?.map(({ name }) => name)).toContain('pod.quartermaster.dev');
    expect(await differencesFor(manager, install)).toBe('');
    await applyAs(manager, install);
    const after = await admin.get<MutatingWebhookConfiguration>(resources.mutatingWebhooks, key);
    expect(after?.webhooks).toEqual(before?.webhooks);
  });

  it('holds nothing that is not in Git but what the page has Argo CD ignore', async () => {
    const gojq = { name: 'gojq', module: 'github.com/itchyny/gojq', version: '0.12.17', package: './cmd/gojq' };
    const program = await goProgram(gojq, progress);
    const ignoring = async (object: unknown): Promise<MutatingWebhookConfiguration> => {
      const filter = gitopsPage.ignored.map((expression) => `del(${expression})`).join(' | ');
      const options = { timeoutMs: 20_000, input: JSON.stringify(object) };
      return JSON.parse(await run(program, ['-c', filter], options)) as MutatingWebhookConfiguration;
    };
    const live = await admin.get<MutatingWebhookConfiguration>(resources.mutatingWebhooks, key);
    const [git, cluster] = [await ignoring(inGit()), await ignoring(live)];
    expect(cluster.webhooks?.map(({ name }) => name)).toEqual(git.webhooks?.map(({ name }) => name));
    for (const [at, webhook] of (cluster.webhooks ?? []).entries()) {
      expect(webhook.clientConfig).toEqual(git.webhooks?.[at]?.clientConfig);
      expect(webhook.matchConditions ?? []).toEqual(git.webhooks?.[at]?.matchConditions ?? []);
    }
    const untouched = JSON.stringify(live);
    for (const word of ['caBundle', 'fails-open', '-fail-closed.', '-enforced.', 'pod.quartermaster.dev'])
      expect(untouched).toContain(word);
  });
});

describe('SparkApplications in Git', () => {
  const application = (name: string) => ({
    apiVersion: 'sparkoperator.k8s.io/v1beta2',
    kind: 'SparkApplication',
    metadata: { name, namespace: 'default', labels: { team: 'analytics' } },
    spec: {
      type: 'Scala',
      mode: 'cluster',
      sparkConf: { 'spark.ui.enabled': 'true' },
      driver: { cores: 1, env: [{ name: 'MINE', value: '1' }] },
      executor: { instances: 2 },
    },
  });
  const stored = (name: string) =>
    admin.get<KubeObject & { readonly spec: object }>(resources.sparkApplications, { namespace: 'default', name });

  let stop: () => Promise<unknown>;
  beforeAll(async () => {
    // One of the test's own address, which the leader makes.
    await admin.remove(resources.mutatingWebhooks, { namespace: '', name: 'quartermaster' });
    await admin.create(resources.customResourceDefinitions, sparkCrd);
    const [webhookPort = 0, opsPort = 0] = await freePorts(2);
    const kubeconfig = await controlPlane.serviceAccountKubeconfig(SYSTEM, 'quartermaster');
    const replica = startServe({ kubeconfig, webhookPort, opsPort, environment: { CLOUD: 'local' } });
    stop = replica.stop;
    await untilReady(replica);
    await kubectl(controlPlane, ['apply', '-f', '-'], {
      input: toYaml([
        {
          apiVersion: 'quartermaster.dev/v1alpha1',
          kind: 'PlatformDefaults',
          metadata: { name: 'gitops', namespace: SYSTEM },
          spec: {
            match: { kinds: ['SparkApplication'] },
            inject: {
              labels: { cloud: 'local' },
              sparkConf: { 'spark.eventLog.rolling.enabled': 'true' },
              env: [{ name: 'OURS', value: '2' }],
            },
          },
        },
      ]),
    });
    await until(60_000, async () => {
      const tried: KubeObject = application('tried');
      const answer = await admin.create(resources.sparkApplications, tried, { dryRun: true });
      if (answer.metadata.annotations?.[INJECTED_ANNOTATION] === undefined) throw new Error('not injected yet');
    });
  });
  afterAll(() => stop?.());

  it.each(MANAGERS)(
    'do not differ for %s once they were injected into, nor start anew when applied again',
    async (manager) => {
      const input = toYaml([application(manager)]);
      await applyAs(manager, input);
      const before = await stored(manager);
      expect(JSON.stringify(before?.spec)).toContain('OURS');
      expect(await differencesFor(manager, input)).toBe('');
      await applyAs(manager, input);
      expect(await stored(manager)).toMatchObject({
        spec: before?.spec,
        metadata: { generation: before?.metadata.generation, annotations: before?.metadata.annotations },
      });
    },
  );

  it('differ by the legacy strategy in lists that were added to, and in nothing else', async () => {
    const git = application('legacy');
    const input = toYaml([git]);
    await kubectl(controlPlane, ['apply', '-f', '-'], { input });
    const before = await stored('legacy');
    expect(legacyDifferences(git, before)).toEqual(['/spec/driver/env']);
    expect(await kubectl(controlPlane, ['diff', '-f', '-'], { input })).toBe('');
    await kubectl(controlPlane, ['apply', '-f', '-'], { input });
    expect((await stored('legacy'))?.metadata.generation).toBe(before?.metadata.generation);
  });

  it('are given what Git says anew, with what is injected', async () => {
    const git = application(ARGO);
    const changed = { ...git, spec: { ...git.spec, executor: { instances: 3 } } };
    await applyAs(ARGO, toYaml([changed]));
    expect(await differencesFor(ARGO, toYaml([changed]))).toBe('');
    expect(await stored(ARGO)).toMatchObject({
      spec: { executor: { instances: 3 }, sparkConf: { 'spark.eventLog.rolling.enabled': 'true' } },
    });
  });
});

describe('the health check that docs/gitops.md has for Argo CD', () => {
  let lua: string;
  beforeAll(async () => {
    // The interpreter that Argo CD runs.
    const glua = { name: 'glua', module: 'github.com/yuin/gopher-lua', version: '1.1.1', package: './cmd/glua' };
    lua = await goProgram(glua, progress);
  });

  /** A value in Lua's own notation. */
  const literal = (value: unknown): string => {
    if (Array.isArray(value)) return `{${value.map(literal).join(', ')}}`;
    if (typeof value !== 'object' || value === null) return JSON.stringify(value);
    const fields = Object.entries(value).map(([name, item]) => `[${JSON.stringify(name)}] = ${literal(item)}`);
    return `{${fields.join(', ')}}`;
  };

  it.each(healthCases)('of what is %s says %s', async (_, health, object) => {
    const script = `local function check(obj) ${gitopsPage.lua} end\nlocal found = check(${literal(object)})\nprint(found.status .. ': ' .. found.message)`;
    const said = await run(lua, ['-e', script], { timeoutMs: 20_000 });
    expect(said).toMatch(new RegExp(`^${health}: \\S`));
  });
});
