import { AppError, hasReason } from '../api/errors.ts';
import type { Secret, StringMap } from '../api/kubernetes.ts';
import { CERTIFICATE_SECRET, MANAGED_BY, MANAGED_BY_LABEL } from '../api/names.ts';
import { type Kube, resources } from '../kube/api-server.ts';
import { type CertificateSource, expiryOf, type ServingCertificate } from './certificate.ts';
import {
  applyStep,
  bundleOf,
  type CertificateState,
  decodeState,
  encodeState,
  newState,
  planStep,
  servingPeriod,
} from './rollover.ts';

export interface SecretSourceOptions {
  readonly kube: Pick<Kube, 'get' | 'create' | 'replace'>;
  readonly namespace: string;
  /** DNS names and IP addresses the webhook is called by. */
  readonly names: readonly string[];
  /** Whether the API server trusts an authority (PEM) by now. Left out: it is taken to, once the settle time is over. */
  readonly isTrusted?: (authority: string, signal: AbortSignal) => Promise<boolean>;
  /** How long a new authority must have been announced before it is used: every API server has then seen it. */
  readonly settleMs?: number;
  readonly now?: () => Date;
}

/** Enough for all steps of a rollover, each once more after losing a race. */
const MAX_WRITES = 10;
const SETTLE_MS = 15_000;

/**
 * The certificate kept in a Secret, made by whoever comes first and agreed on by resourceVersion. A Secret that is deleted or
 * overwritten is restored from memory; one that is not labelled as ours is left alone and reported.
 */
export const secretSource = (options: SecretSourceOptions): CertificateSource => {
  let lastKnown: CertificateState | undefined;
  return async (signal) => {
    lastKnown = await reconcile(options, lastKnown, signal);
    return servingCertificateOf(lastKnown, options.names);
  };
};

/** The names a webhook behind a Service is called by, inside the cluster. */
export const serviceNames = (service: string, namespace: string): readonly string[] => [
  `${service}.${namespace}.svc`,
  `${service}.${namespace}.svc.cluster.local`,
];

const reconcile = async (
  options: SecretSourceOptions,
  lastKnown: CertificateState | undefined,
  signal: AbortSignal,
): Promise<CertificateState> => {
  for (let writes = 0; writes < MAX_WRITES; writes += 1) {
    const secret = await options.kube.get<Secret>(resources.secrets, keyOf(options), signal);
    const stored = secret && decodeState(secret.data ?? {});
    const desired = await nextState(stored ?? lastKnown, options, signal);
    if (desired === stored) return stored;
    await write(options, secret, desired, signal);
  }
  throw new AppError(
    'Conflict',
    `Secret ${pathOf(options)} changes faster than it can be agreed on; it is tried again.`,
  );
};

/** The very state it was given where nothing is to be done. */
const nextState = async (
  state: CertificateState | undefined,
  { names, isTrusted, settleMs = SETTLE_MS, now = () => new Date() }: SecretSourceOptions,
  signal: AbortSignal,
): Promise<CertificateState> => {
  const issue = { names, now: now() };
  if (state === undefined) return newState(issue);
  const isNextTrusted = state.next !== undefined && ((await isTrusted?.(state.next.cert, signal)) ?? true);
  return applyStep(state, planStep(state, { ...issue, settleMs, isNextTrusted }), issue);
};

/** Losing a race to another replica is no failure: its version is read next. */
const write = async (
  options: SecretSourceOptions,
  secret: Secret | undefined,
  state: CertificateState,
  signal: AbortSignal,
): Promise<void> => {
  const { kube } = options;
  if (secret !== undefined) refuseForeign(secret, options);
  const data = encodeState(state);
  try {
    if (secret === undefined) await kube.create(resources.secrets, newSecret(options, data), { signal });
    else await kube.replace(resources.secrets, { ...secret, data }, { signal });
  } catch (error) {
    if (!hasReason(error, ...conflictReasons)) throw error;
  }
};

const conflictReasons = ['AlreadyExists', 'Conflict', 'NotFound'] as const;

const refuseForeign = (secret: Secret, options: SecretSourceOptions): void => {
  if (secret.metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY) return;
  throw new AppError(
    'Conflict',
    `Secret ${pathOf(options)} holds no certificate that can be used and is not labelled ${MANAGED_BY_LABEL}=${MANAGED_BY}: delete it, or give it that label to have it replaced.`,
  );
};

const newSecret = (options: SecretSourceOptions, data: StringMap): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { ...keyOf(options), labels: { [MANAGED_BY_LABEL]: MANAGED_BY } },
  type: 'Opaque',
  data,
});

const servingCertificateOf = (state: CertificateState, names: readonly string[]): ServingCertificate => {
  const period = servingPeriod(state, names);
  if (state.serving === undefined || period === undefined)
    throw new AppError('Unavailable', 'No serving certificate can be issued until a new authority is trusted.');
  const caBundle = bundleOf(state);
  return { ...state.serving, caBundle, notAfter: period.until, authorityNotAfter: expiryOf(caBundle) };
};

const keyOf = ({ namespace }: SecretSourceOptions): { readonly namespace: string; readonly name: string } => ({
  namespace,
  name: CERTIFICATE_SECRET,
});

const pathOf = (options: SecretSourceOptions): string => `${options.namespace}/${CERTIFICATE_SECRET}`;
