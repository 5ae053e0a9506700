import { Agent, request } from 'node:https';
import { type ControlPlane, startControlPlane } from '../dev/control-plane/control-plane.ts';
import { findConnection } from '../src/kube/connection.ts';
import { applyObjects } from './cluster.ts';
import { type Input, inputs } from './inputs.ts';
import { median } from './measure.ts';
import { startServers } from './servers.ts';
import type { Subject } from './subject.ts';
import type { TlsFiles } from './tls.ts';

/** What one webhook adds to a pod create through kube-apiserver, in milliseconds. */
export interface RoundTrip {
  readonly webhook: string;
  readonly median: number;
  readonly p99: number;
  /** Median of the differences to the create without a webhook that came right before. */
  readonly added: number;
}

const WITHOUT = 'none';

/**
 * Creates one pod in turn in a namespace that no webhook serves and in one for each, one request at a time. Dry runs:
 * all but the write to etcd, whose time is the same for each and larger than what is measured.
 */
export const measureRoundTrips = async (
  names: readonly string[],
  rounds: number,
  tls: TlsFiles,
): Promise<readonly RoundTrip[]> => {
  await using servers = await startServers(names, 3, tls);
  await using controlPlane = await startControlPlane();
  const webhooks = [WITHOUT, ...names];
  await prepare(controlPlane, servers.subjects, tls);
  const create = await creator(controlPlane);
  const taken = new Map<string, number[]>(webhooks.map((name) => [name, []]));
  for (let round = -Math.ceil(rounds / 5); round < rounds; round += 1) {
    for (const webhook of webhooks) {
      const milliseconds = await create(`bench-${webhook}`);
      if (round >= 0) taken.get(webhook)?.push(milliseconds);
    }
  }
  const without = taken.get(WITHOUT) ?? [];
  return webhooks.map((webhook) => describe(webhook, taken.get(webhook) ?? [], without));
};

const describe = (webhook: string, own: readonly number[], without: readonly number[]): RoundTrip => {
  const sorted = own.toSorted((a, b) => a - b);
  return {
    webhook,
    median: round(median(own)),
    p99: round(sorted[Math.floor(sorted.length * 0.99)] ?? 0),
    added: round(median(own.map((value, index) => value - (without[index] ?? 0)))),
  };
};

const round = (value: number): number => Number(value.toFixed(3));

const prepare = async (controlPlane: ControlPlane, subjects: readonly Subject[], tls: TlsFiles): Promise<void> => {
  const namespaces = [WITHOUT, ...subjects.map(({ name }) => name)].map((webhook) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: `bench-${webhook}`, labels: { bench: webhook } },
  }));
  const configurations = subjects.map((subject) => configurationOf(subject, tls));
  await applyObjects(controlPlane, [...namespaces, ...configurations]);
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

const creator = async ({ kubeconfig }: ControlPlane): Promise<(namespace: string) => Promise<number>> => {
  const { server, credentials } = await findConnection({ KUBECONFIG: kubeconfig });
  const agent = new Agent({ ...(await credentials()).tls, keepAlive: true, maxSockets: 1 });
  const { body } = inputs['pod'] as Input;
  const { request: asked } = JSON.parse(body) as { readonly request: { readonly object: unknown } };
  return (namespace) => {
    const pod = JSON.stringify(asked.object).replace('"namespace":"jobs"', `"namespace":"${namespace}"`);
    return post(agent, new URL(`/api/v1/namespaces/${namespace}/pods?dryRun=All`, server), pod);
  };
};

const post = (agent: Agent, url: URL, body: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const call = request(url, { method: 'POST', agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        if (response.statusCode === 201) resolve(performance.now() - startedAt);
        else reject(new Error(`${url.pathname} answered ${response.statusCode}: ${Buffer.concat(chunks).toString()}`));
      });
    });
    call.on('error', reject).end(body);
  });
