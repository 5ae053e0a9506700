import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { isDeepStrictEqual } from 'node:util';
import { type ControlPlane, startControlPlane } from '../dev/control-plane/control-plane.ts';
import { until } from '../dev/until.ts';
import { findConnection } from '../src/kube/connection.ts';
import { applyObjects } from './cluster.ts';
import { platformDefaults } from './defaults.ts';
import { givenIn } from './equality.ts';
import { type Input, inputs } from './inputs.ts';
import { median } from './measure.ts';
import { policiesOf, policyForms } from './policies.ts';
import { startServers } from './servers.ts';
import { type Subject, subjectOf } from './subject.ts';
import type { TlsFiles } from './tls.ts';

/** What one webhook adds to a pod create through kube-apiserver. Milliseconds and microseconds of CPU, medians of the rounds. */
export interface RoundTrip {
  readonly webhook: string;
  readonly median: number;
  readonly p99: number;
  /** Median of the differences to the rounds' medians without any. */
  readonly added: number;
  /** Of a create: the API server, and the webhook's own process. */
  readonly apiServerCpu: number;
  readonly ownCpu: number;
}

const WITHOUT = 'none';
const CONNECTIONS = 8;

interface Sample {
  readonly median: number;
  readonly p99: number;
  readonly apiServerCpu: number;
  readonly ownCpu: number;
}

/**
 * Creates one pod over some connections in a namespace that nothing changes it in, and in one for each webhook, in turns of
 * `seconds`. Dry runs: all but the write to etcd, whose time is the same for each and larger than what is measured.
 */
export const measureRoundTrips = async (
  names: readonly string[],
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
  tls: TlsFiles,
): Promise<readonly RoundTrip[]> => {
  await using servers = await startServers(names, 3, tls);
  await using controlPlane = await startControlPlane();
  const webhooks = [WITHOUT, ...names, ...policyForms];
  await prepare(controlPlane, servers.subjects, tls);
  const create = await creator(controlPlane);
  await checkAlike(webhooks, create);
  const apiServer = subjectOf('kube-apiserver', pidOfApiServer(controlPlane), { port: 0, path: '' });
  const taken = new Map<string, Sample[]>(webhooks.map((name) => [name, []]));
  for (let turn = 0; turn <= rounds; turn += 1) {
    for (const webhook of webhooks) {
      const own = servers.subjects.find(({ name }) => name === webhook);
      const sample = await takeTurn(() => create(`bench-${webhook}`), seconds, apiServer, own);
      if (turn > 0) taken.get(webhook)?.push(sample);
    }
  }
  const without = taken.get(WITHOUT) ?? [];
  return webhooks.map((webhook) => describe(webhook, taken.get(webhook) ?? [], without));
};

const takeTurn = async (
  create: () => Promise<Created>,
  seconds: number,
  apiServer: Subject,
  own: Subject | undefined,
): Promise<Sample> => {
  const taken: number[] = [];
  const cpu = (): readonly number[] => [apiServer.cpuMicroseconds(), own?.cpuMicroseconds() ?? 0];
  const before = cpu();
  const end = performance.now() + 1_000 * seconds;
  const loop = async (): Promise<void> => {
    while (performance.now() < end) taken.push((await create()).milliseconds);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, loop));
  const [apiServerCpu = 0, ownCpu = 0] = cpu().map((after, at) => (after - (before[at] ?? 0)) / taken.length);
  const sorted = taken.toSorted((a, b) => a - b);
  return { median: median(taken), p99: sorted[Math.floor(sorted.length * 0.99)] ?? 0, apiServerCpu, ownCpu };
};

/** The process that was started with a file of this control plane's own. */
const pidOfApiServer = ({ directory }: ControlPlane): number => {
  const isIt = (pid: string): boolean => {
    const command = existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : '';
    return command.includes('kube-apiserver') && command.includes(directory);
  };
  const pid = readdirSync('/proc').find((name) => /^[0-9]+$/.test(name) && isIt(name));
  if (pid === undefined) throw new Error('the API server is not to be found among the processes');
  return Number(pid);
};

/** Throws where two do not come to the same pod; agnhost adds a container of its own, whatever the pod. */
const checkAlike = async (webhooks: readonly string[], create: Create): Promise<void> => {
  const alike = webhooks.filter((name) => name !== WITHOUT && name !== 'agnhost');
  const given: { readonly name: string; readonly pod: unknown }[] = [];
  for (const name of alike) {
    // A policy is called some time after it is there.
    const changed = async (): Promise<unknown> => {
      const pod = givenIn((await create(`bench-${name}`)).pod);
      if (isDeepStrictEqual(pod, unchanged)) throw new Error(`${name} changes nothing`);
      return pod;
    };
    const unchanged = givenIn((await create(`bench-${WITHOUT}`)).pod);
    given.push({ name, pod: await until(POLICY_WITHIN_MS, changed) });
  }
  const [first, ...others] = given;
  for (const { name, pod } of others)
    if (!isDeepStrictEqual(pod, first?.pod))
      throw new Error(`${name} does not come to what ${first?.name} comes to: ${JSON.stringify([pod, first?.pod])}`);
};

const POLICY_WITHIN_MS = 60_000;

const describe = (webhook: string, own: readonly Sample[], without: readonly Sample[]): RoundTrip => {
  const middle = (read: (sample: Sample) => number): number => round(median(own.map(read)));
  return {
    webhook,
    median: middle((sample) => sample.median),
    p99: middle(({ p99 }) => p99),
    added: round(median(own.map((sample, at) => sample.median - (without[at]?.median ?? 0)))),
    apiServerCpu: middle(({ apiServerCpu }) => apiServerCpu),
    ownCpu: middle(({ ownCpu }) => ownCpu),
  };
};

const round = (value: number): number => Number(value.toFixed(3));

const prepare = async (controlPlane: ControlPlane, subjects: readonly Subject[], tls: TlsFiles): Promise<void> => {
  const namespaces = [WITHOUT, ...policyForms, ...subjects.map(({ name }) => name)].map((webhook) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: `bench-${webhook}`, labels: { bench: webhook } },
  }));
  const configurations = subjects.map((subject) => configurationOf(subject, tls));
  const policies = policyForms.flatMap((form) => policiesOf(platformDefaults(20, 3), form));
  await applyObjects(controlPlane, [...namespaces, ...configurations, ...policies]);
};

const configurationOf = ({ name, port, path }: Subject, tls: TlsFiles) => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'MutatingWebhookConfiguration',
  metadata: { name },
  webhooks: [
    {
      name: `${name}.bench.example.org`,
      clientConfig: {
        url: `https://127.0.0.1:${port}${path}`,
        caBundle: Buffer.from(tls.authority).toString('base64'),
      },
      rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }],
      namespaceSelector: { matchLabels: { bench: name } },
      admissionReviewVersions: ['v1'],
      sideEffects: 'None',
      failurePolicy: 'Fail',
    },
  ],
});

type Create = (namespace: string) => Promise<Created>;

interface Created {
  readonly milliseconds: number;
  readonly pod: unknown;
}

const creator = async ({ kubeconfig }: ControlPlane): Promise<Create> => {
  const { server, credentials } = await findConnection({ KUBECONFIG: kubeconfig });
  const agent = new Agent({ ...(await credentials()).tls, keepAlive: true, maxSockets: CONNECTIONS });
  const { body } = inputs['pod'] as Input;
  const { request: asked } = JSON.parse(body) as { readonly request: { readonly object: unknown } };
  return (namespace) => {
    const pod = JSON.stringify(asked.object).replace('"namespace":"jobs"', `"namespace":"${namespace}"`);
    return post(agent, new URL(`/api/v1/namespaces/${namespace}/pods?dryRun=All`, server), pod);
  };
};

const post = (agent: Agent, url: URL, body: string): Promise<Created> =>
  new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const call = request(url, { method: 'POST', agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const milliseconds = performance.now() - startedAt;
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode === 201) resolve({ milliseconds, pod: JSON.parse(text) });
        else reject(new Error(`${url.pathname} answered ${response.statusCode}: ${text}`));
      });
    });
    call.on('error', reject).end(body);
  });
