import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AdmissionRequest } from '../api/admission.ts';
import { AppError, messageOf } from '../api/errors.ts';
import type { KubeObject, LabelSelector, PersistentVolumeClaim, StringMap } from '../api/kubernetes.ts';
import { INJECT_DISABLED, INJECT_LABEL, MANAGED_BY, MANAGED_BY_LABEL } from '../api/names.ts';
import { isOurs } from '../controller/webhooks/configuration.ts';
import { installedConfiguration } from '../controller/webhooks/installed.ts';
import { sendingOf, type WebhookRules, webhooksOf } from '../explanation/webhook-rules.ts';
import { labelsOf } from '../injection/target.ts';
import { type Kube, resources } from '../kube/api-server.ts';
import { createKube } from '../kube/client.ts';
import { type Connection, findConnection } from '../kube/connection.ts';
import { createTransport } from '../kube/transport.ts';
import { settings } from '../settings/definitions.ts';
import { EXIT, type Terminal } from './terminal.ts';

/** How long an answer is waited for: API servers take a moment to call by a new configuration. */
const TIMEOUT_MS = 30_000;
const EVERY_MS = 500;

/**
 * Submits a claim as a dry run, which stores nothing, and prints what Quartermaster said about it. Throws AppError('NotFound') where it
 * is not installed or is asked about no namespace, AppError('Unavailable') where nobody said anything for half a minute.
 */
export const checkCommand = async (
  environment: Readonly<Record<string, string | undefined>>,
  terminal: Terminal,
  timeoutMs: number = TIMEOUT_MS,
): Promise<number> => {
  const connection = await findConnection(environment);
  const claim = await claimThatIsAsked(createKube(connection));
  const { name = '', namespace = '' } = claim.metadata;
  for (const end = performance.now() + timeoutMs; ; await sleep(EVERY_MS)) {
    const said = (await sentencesFor(connection, claim)).filter((sentence) => sentence.includes(name));
    if (said.length > 0) {
      terminal.tell(`Quartermaster answered about a claim in the namespace ${namespace}, which was not stored:\n`);
      for (const sentence of said) terminal.tell(`  ${sentence}\n`);
      return EXIT.fine;
    }
    if (performance.now() > end)
      throw new AppError(
        'Unavailable',
        `Quartermaster said nothing about a claim in the namespace ${namespace}: see whether a replica is ready, and its log.`,
      );
  }
};

/** In the first namespace that the webhooks are asked about, of a class that nobody has. */
const claimThatIsAsked = async (kube: Kube): Promise<PersistentVolumeClaim> => {
  const webhooks = await installed(kube);
  const { items } = await kube.list<KubeObject>(resources.namespaces, { limit: 500 });
  const names = items.toSorted((one, other) => Number(isDefault(other)) - Number(isDefault(one)));
  const name = `quartermaster-check-${randomUUID().slice(0, 8)}`;
  for (const namespace of names) {
    const claim = claimOf(name, namespace.metadata.name ?? '', labelsThatFit(webhooks));
    const labels = labelsOf(namespace);
    const isLeftAlone = labels[INJECT_LABEL] === INJECT_DISABLED || namespace.metadata.deletionTimestamp != null;
    if (!isLeftAlone && sendingOf(webhooks, requestFor(claim), labels).isSent) return claim;
  }
  throw new AppError(
    'NotFound',
    'Quartermaster is asked about claims in no namespace: see excludedNamespaces, namespaceSelector and objectSelector.',
  );
};

const installed = async (kube: Kube): Promise<readonly WebhookRules[]> => {
  const name = settings.webhookConfigurationName.fallback;
  const live = await installedConfiguration(kube, name);
  if (live === undefined)
    throw new AppError('NotFound', `There is no MutatingWebhookConfiguration ${name}: Quartermaster is not installed.`);
  return webhooksOf(live);
};

const isDefault = ({ metadata }: KubeObject): boolean => metadata.name === 'default';

const claimOf = (name: string, namespace: string, labels: StringMap): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  // `helm test` asks as our own account, which may make nothing without this label.
  metadata: { name, namespace, labels: { [MANAGED_BY_LABEL]: MANAGED_BY, ...labels } },
  spec: { accessModes: ['ReadWriteOnce'], storageClassName: name, resources: { requests: { storage: '1Gi' } } },
});

/** What an object selector asks for, as far as labels can be given. */
const labelsThatFit = (webhooks: readonly WebhookRules[]): StringMap =>
  Object.fromEntries(webhooks.filter(isAboutClaims).flatMap(({ objectSelector }) => labelsIn(objectSelector)));

const labelsIn = ({ matchLabels, matchExpressions }: LabelSelector = {}): readonly (readonly [string, string])[] => [
  ...Object.entries(matchLabels ?? {}),
  ...(matchExpressions ?? [])
    .filter(({ operator }) => operator === 'In' || operator === 'Exists')
    .map(({ key, values }) => [key, values?.[0] ?? ''] as const),
];

const isAboutClaims = ({ rules = [] }: WebhookRules): boolean =>
  rules.some(({ resources: plurals = [] }) => plurals.includes(resources.persistentVolumeClaims.plural));

const requestFor = (object: PersistentVolumeClaim): AdmissionRequest => ({
  uid: 'check',
  operation: 'CREATE',
  resource: { group: '', version: 'v1', resource: resources.persistentVolumeClaims.plural },
  ...(object.metadata.namespace !== undefined && { namespace: object.metadata.namespace }),
  object,
  dryRun: true,
  username: 'quartermaster',
});

/** `299 - "text"` is how the API server sends each. */
const WARNING = /^299 \S+ "(.*)"$/s;

/** A refusal of the class by Quartermaster itself (UNKNOWN_CLASS) is an answer as good as a warning. */
const sentencesFor = (connection: Connection, claim: PersistentVolumeClaim): Promise<readonly string[]> =>
  warningsFor(connection, claim).catch((error: unknown) => {
    const [, name = '', why = ''] = DENIED.exec(messageOf(error)) ?? [];
    if (isOurs({ name }) && why.includes(claim.metadata.name ?? '')) return [`Refused: ${why}`];
    throw error;
  });

/** How the API server tells whose refusal it is; nothing else of its answer does. */
const DENIED = /admission webhook "([^"]+)" denied the request: (.*)$/s;

const warningsFor = async (connection: Connection, claim: PersistentVolumeClaim): Promise<readonly string[]> => {
  const { namespace = '' } = claim.metadata;
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/persistentvolumeclaims?dryRun=All`;
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const answer = await createTransport(connection).open({ method: 'POST', path, body: claim, signal });
  answer.resume();
  return (answer.headersDistinct['warning'] ?? []).map(textOf);
};

/** Node reads the bytes of a header as Latin-1; these are UTF-8. */
const textOf = (header: string): string => {
  const text = Buffer.from(header, 'latin1').toString('utf8');
  return (WARNING.exec(text)?.[1] ?? text).replaceAll(/\\(.)/g, '$1');
};
