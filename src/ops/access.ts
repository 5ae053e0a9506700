import { hash } from 'node:crypto';
import { messageOf } from '../api/errors.ts';
import { STATUS_URL } from '../api/names.ts';
import type { Kube } from '../kube/api-server.ts';

/** What whoever asks may see. */
export type Viewer =
  | { readonly scope: 'cluster'; readonly token: string | undefined }
  | {
      readonly scope: 'namespace';
      readonly namespace: string;
      /** `group/resource` of the kinds that they may list there. */
      readonly resources: ReadonlySet<string>;
      readonly token: string;
    };

/** Why nobody is let in: the HTTP status, and a sentence. */
export interface Refusal {
  readonly status: 401 | 403 | 503;
  readonly message: string;
}

/** What of a request says who asks, and for what. */
export interface Asking {
  readonly remoteAddress: string | undefined;
  readonly host: string | undefined;
  readonly authorization: string | undefined;
  /** A proxy says whom it speaks for. */
  readonly isForwarded: boolean;
  /** Of what is asked about; empty: of the whole cluster. */
  readonly namespace: string;
}

export interface AccessOptions {
  readonly kube: Pick<Kube, 'post'>;
  /** The kinds that decisions are about. */
  readonly resources: readonly { readonly group: string; readonly resource: string }[];
  readonly now: () => number;
}

/** As long as an answer of the API server is taken for true. */
const REMEMBERED_MS = 10_000;
const MAX_REMEMBERED = 500;
const TIMEOUT_MS = 5_000;
/** Reviews under way at once: whoever sends tokens that are none must not use up the API server. */
const MAX_UNDER_WAY = 20;

/**
 * Lets in as the API server would: by TokenReview and SubjectAccessReview. Whoever comes over the loopback address without a token, as
 * `kubectl port-forward` does, was let in by the API server already.
 */
export const createAccess = (options: AccessOptions): ((asking: Asking) => Promise<Viewer | Refusal>) => {
  const reviews = createReviews(options);
  return async (asking) => {
    if (asking.authorization === undefined)
      return isPortForward(asking) ? { scope: 'cluster', token: undefined } : UNKNOWN;
    const token = /^Bearer ([\w.~+/=-]+)$/i.exec(asking.authorization)?.[1];
    if (token === undefined) return UNKNOWN;
    try {
      const user = await reviews.user(token);
      if (user === undefined) return { status: 401, message: 'The API server does not know this token.' };
      return await viewerOf({ user, token, namespace: asking.namespace }, options, reviews);
    } catch (error) {
      return { status: 503, message: `The API server cannot say who asks: ${messageOf(error)}` };
    }
  };
};

export const isRefusal = (answer: Viewer | Refusal): answer is Refusal => 'status' in answer;

const UNKNOWN: Refusal = {
  status: 401,
  message:
    'Say who asks with a token of the cluster (Authorization: Bearer …), or come by kubectl port-forward to 127.0.0.1 or localhost.',
};

/** A page of somebody else's that has its name resolve to 127.0.0.1 sends its name as the host. */
const isPortForward = ({ remoteAddress = '', host = '', isForwarded }: Asking): boolean =>
  !isForwarded &&
  /^(127\.|::1$|::ffff:127\.)/i.test(remoteAddress) &&
  /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i.test(host);

interface User {
  readonly username: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

interface Known {
  readonly user: User;
  readonly token: string;
  readonly namespace: string;
}

const viewerOf = async (
  { user, token, namespace }: Known,
  { resources }: AccessOptions,
  { isAllowed }: Reviews,
): Promise<Viewer | Refusal> => {
  if (await isAllowed(user, { nonResourceAttributes: { path: STATUS_URL, verb: 'get' } }))
    return { scope: 'cluster', token };
  const refused = `${user.username} may not get ${STATUS_URL}`;
  if (namespace === '')
    return { status: 403, message: `${refused}, and so not see the whole cluster: ask about one namespace.` };
  const allowed = await Promise.all(
    resources.map(({ group, resource }) =>
      isAllowed(user, { resourceAttributes: { group, resource, namespace, verb: 'list' } }),
    ),
  );
  const names = resources.filter((_, index) => allowed[index]).map(({ group, resource }) => `${group}/${resource}`);
  if (names.length === 0)
    return { status: 403, message: `${refused}, and may list nothing in namespace ${namespace}.` };
  return { scope: 'namespace', namespace, resources: new Set(names), token };
};

interface Reviews {
  /** Undefined where the token is none. Throws AppError where the API server does not answer. */
  readonly user: (token: string) => Promise<User | undefined>;
  readonly isAllowed: (user: User, attributes: object) => Promise<boolean>;
}

const createReviews = ({ kube, now }: AccessOptions): Reviews => {
  const memory = createMemory(now);
  let underWay = 0;
  const post = async (path: string, review: object): Promise<unknown> => {
    if (underWay >= MAX_UNDER_WAY) throw new Error('too many ask at once.');
    underWay += 1;
    try {
      return await kube.post(path, review, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    } finally {
      underWay -= 1;
    }
  };
  return {
    user: (token) =>
      memory(`token ${token}`, async () => {
        const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } };
        const answer = await post('/apis/authentication.k8s.io/v1/tokenreviews', review);
        const { status } = answer as { readonly status?: { readonly authenticated?: boolean; readonly user?: User } };
        return status?.authenticated === true ? status.user : undefined;
      }),
    isAllowed: (user, attributes) =>
      memory(`access ${JSON.stringify([user, attributes])}`, async () => {
        const { username, uid, groups, extra } = user;
        const spec = { user: username, uid, groups, extra, ...attributes };
        const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
        const answer = await post('/apis/authorization.k8s.io/v1/subjectaccessreviews', review);
        return (answer as { readonly status?: { readonly allowed?: boolean } }).status?.allowed === true;
      }),
  };
};

/** Keeps answers for a while, under a digest: no token stays in memory. What failed is asked again. */
const createMemory = (now: () => number) => {
  const known = new Map<string, { readonly until: number; readonly answer: Promise<unknown> }>();
  return <T>(question: string, ask: () => Promise<T>): Promise<T> => {
    const key = hash('sha256', question, 'base64');
    const found = known.get(key);
    if (found !== undefined && found.until > now()) return found.answer as Promise<T>;
    const answer = ask();
    known.delete(key);
    known.set(key, { until: now() + REMEMBERED_MS, answer });
    answer.catch(() => known.delete(key));
    const [oldest] = known.keys();
    if (known.size > MAX_REMEMBERED && oldest !== undefined) known.delete(oldest);
    return answer;
  };
};
