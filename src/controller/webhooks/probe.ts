import { randomUUID } from 'node:crypto';
import { request } from 'node:https';
import { json } from 'node:stream/consumers';
import type { KubeObject, Maybe } from '../../api/kubernetes.ts';
import { GROUP, PROBE_QUERY, PROBE_RESOURCE } from '../../api/names.ts';
import { type Kube, resources } from '../../kube/api-server.ts';
import type { Webhook } from './configuration.ts';

/** Whether a review that goes the way the API server's go is answered. Never throws. */
export type Probe = (webhook: Webhook, signal: AbortSignal) => Promise<boolean>;

interface Service extends KubeObject {
  readonly spec?: Maybe<{ readonly clusterIP?: Maybe<string> }>;
}

interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** The name the certificate must be for. */
  readonly servername: string;
}

const TIMEOUT_MS = 2_000;

/**
 * Sends one review through the Service that stands in the webhook's clientConfig, by its cluster IP as the API server does, and trusts
 * the authority that stands there and no other. A webhook reached by a URL is asked at the URL.
 */
export const probeThrough =
  (kube: Pick<Kube, 'get'>): Probe =>
  async ({ clientConfig }, signal) => {
    const { caBundle } = clientConfig;
    if (caBundle === undefined) return false;
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    try {
      const endpoint = await endpointOf(kube, clientConfig, bounded);
      return endpoint !== undefined && (await review(endpoint, Buffer.from(caBundle, 'base64').toString(), bounded));
    } catch {
      // Refused, unreachable, another certificate, junk or late: nobody has answered.
      return false;
    }
  };

const endpointOf = async (
  kube: Pick<Kube, 'get'>,
  { service, url }: Webhook['clientConfig'],
  signal: AbortSignal,
): Promise<Endpoint | undefined> => {
  if (url !== undefined) {
    const { hostname, port, pathname } = new URL(url);
    const host = hostname.replace(/^\[|\]$/g, '');
    return { host, port: Number(port || 443), path: pathname, servername: host };
  }
  if (service === undefined) return undefined;
  const { namespace, name, port, path } = service;
  const live = await kube.get<Service>(resources.services, { namespace, name }, signal);
  if (live === undefined) return undefined;
  const servername = `${name}.${namespace}.svc`;
  const { clusterIP } = live.spec ?? {};
  return { host: clusterIP && clusterIP !== 'None' ? clusterIP : servername, port, path, servername };
};

const review = async (
  { host, port, path, servername }: Endpoint,
  ca: string,
  signal: AbortSignal,
): Promise<boolean> => {
  const uid = randomUUID();
  const body = JSON.stringify(probeReview(uid));
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const identity = /^[\d.]+$|:/.test(servername) ? {} : { servername };
  const options = { host, port, path: `${path}${PROBE_QUERY}`, ca };
  const sent = request({ ...options, ...identity, method: 'POST', headers, agent: false, signal });
  const answered = new Promise<unknown>((resolve, reject) => {
    sent.once('response', (response) => void json(response).then(resolve, reject));
    sent.on('error', reject);
  });
  sent.end(body);
  const { response } = (await answered) as {
    readonly response?: { readonly uid?: string; readonly allowed?: boolean };
  };
  return response?.uid === uid && response.allowed === true;
};

/** Of a resource that no mutator asks for: it is admitted as it is, and told of nowhere. */
const probeReview = (uid: string) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid,
    kind: { group: GROUP, version: 'v1', kind: 'Admission' },
    resource: { group: GROUP, version: 'v1', resource: PROBE_RESOURCE },
    operation: 'CREATE',
    dryRun: true,
    userInfo: { username: 'quartermaster' },
    object: { apiVersion: `${GROUP}/v1`, kind: 'Admission', metadata: { name: 'probe' } },
  },
});
