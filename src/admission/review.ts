import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { AdmissionRequest, Operation, PatchOperation } from '../api/admission.ts';
import type { KubeObject, StringMap } from '../api/kubernetes.ts';
import { GROUP, PROBE_RESOURCE } from '../api/names.ts';
import type { Budget } from './budget.ts';
import { hostOf, whileOpen } from './exchange.ts';

const OPERATIONS: ReadonlySet<string> = new Set<Operation>(['CREATE', 'UPDATE', 'DELETE', 'CONNECT']);

type Fields = Readonly<Record<string, unknown>>;

/** What a body turned out to be: a request to decide, one to answer with a refusal, or no AdmissionReview at all. */
export type DecodedReview =
  | { readonly kind: 'request'; readonly request: AdmissionRequest }
  | { readonly kind: 'unusable'; readonly uid: string; readonly message: string }
  | { readonly kind: 'none'; readonly message: string };

export interface ReviewResponse {
  readonly uid: string;
  readonly allowed: boolean;
  readonly patch?: readonly PatchOperation[];
  readonly warnings?: readonly string[];
  readonly audit?: StringMap | undefined;
  /** Why it is refused, one sentence, and the HTTP code kubectl shows with it. */
  readonly refusal?: { readonly code: number; readonly message: string };
}

/** Reads an admission.k8s.io/v1 AdmissionReview. Never throws. */
export const decodeReview = (body: string): DecodedReview => {
  const review = parse(body);
  if (!isFields(review)) return { kind: 'none', message: 'The body is not a JSON object; send an AdmissionReview.' };
  const request = review['request'];
  if (review['kind'] !== 'AdmissionReview' || review['apiVersion'] !== 'admission.k8s.io/v1') {
    return { kind: 'none', message: 'The body is not an AdmissionReview of admission.k8s.io/v1.' };
  }
  if (!isFields(request) || typeof request['uid'] !== 'string' || !isUid(request['uid'])) {
    return { kind: 'none', message: 'The AdmissionReview has no request.uid to answer to.' };
  }
  return decodeRequest(request['uid'], request, body.length);
};

/** What the leader sends to see whether anybody answers: no admission of anybody's. */
export const isProbe = ({ resource }: AdmissionRequest): boolean =>
  resource.group === GROUP && resource.resource === PROBE_RESOURCE;

/** API servers send 36 characters. What is logged with every fault must not be as long as its sender likes. */
const isUid = (uid: string): boolean => uid !== '' && uid.length <= 128;

const decodeRequest = (uid: string, request: Fields, size: number): DecodedReview => {
  const violation = violationOf(request);
  if (violation !== undefined) return { kind: 'unusable', uid, message: violation };
  const { resource, object, oldObject, userInfo } = request;
  return {
    kind: 'request',
    request: {
      uid,
      operation: request['operation'] as Operation,
      resource: resource as AdmissionRequest['resource'],
      subResource: textOf(request['subResource']),
      namespace: textOf(request['namespace']),
      name: textOf(request['name']),
      object: isKubeObject(object) ? object : NO_OBJECT,
      oldObject: isKubeObject(oldObject) ? oldObject : undefined,
      dryRun: request['dryRun'] === true,
      username: isFields(userInfo) && typeof userInfo['username'] === 'string' ? userInfo['username'] : '',
      groups: isFields(userInfo) ? textsOf(userInfo['groups']) : undefined,
      size,
    },
  };
};

/** Stands in for the null object of a DELETE or CONNECT, which no mutator is given. */
const NO_OBJECT: KubeObject = { apiVersion: '', kind: '', metadata: {} };

/** An RFC 1123 label. */
const MAX_NAMESPACE_LENGTH = 63;

const violationOf = (request: Fields): string | undefined => {
  const { operation, resource, namespace, object, oldObject } = request;
  if (typeof operation !== 'string' || !OPERATIONS.has(operation))
    return 'request.operation is not CREATE, UPDATE, DELETE or CONNECT.';
  if (!isFields(resource) || typeof resource['group'] !== 'string' || typeof resource['resource'] !== 'string') {
    return 'request.resource names no group and resource.';
  }
  // Whose time was used is remembered by it.
  if (typeof namespace === 'string' && namespace.length > MAX_NAMESPACE_LENGTH)
    return `request.namespace is longer than the ${MAX_NAMESPACE_LENGTH} characters of a namespace.`;
  if (operation === 'DELETE' || operation === 'CONNECT') return undefined;
  if (!isKubeObject(object))
    return `request.object of a ${operation} is not a Kubernetes object with kind and metadata.`;
  if (operation === 'UPDATE' && !isKubeObject(oldObject))
    return 'request.oldObject of an UPDATE is not a Kubernetes object.';
  return undefined;
};

/** The AdmissionReview that carries an answer, as JSON. */
export const encodeReview = ({ uid, allowed, patch = [], warnings = [], audit, refusal }: ReviewResponse): string => {
  const response = JSON.stringify({
    uid,
    allowed,
    status: refusal && { code: refusal.code, message: refusal.message },
    warnings: warnings.length > 0 ? warnings : undefined,
    auditAnnotations: audit,
  });
  if (patch.length === 0) return `${REVIEW}${response}}`;
  const text = JSON.stringify(patch);
  if (text.length > MAX_PATCH_CHARACTERS) return encodeReview({ uid, allowed: false, warnings, refusal: TOO_LARGE });
  // Nothing in base64 needs escaping, and patches are most of what goes out.
  const base64 = Buffer.from(text).toString('base64');
  return `${REVIEW}${response.slice(0, -1)},"patchType":"JSONPatch","patch":"${base64}"}}`;
};

/** No API server stores an object nearly as large; whatever gives so much is bounded where it is made. */
const MAX_PATCH_CHARACTERS = 16 * 1024 * 1024;
const TOO_LARGE = { code: 422, message: 'What it would be given is more than any API server stores.' };

const REVIEW = '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":';

/** A metav1.Status: what is answered where there is no review to answer. */
export const encodeStatus = (code: number, reason: string, message: string): string =>
  JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code });

const parse = (body: string): unknown => {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
};

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isKubeObject = (value: unknown): value is KubeObject =>
  isFields(value) &&
  typeof value['kind'] === 'string' &&
  typeof value['apiVersion'] === 'string' &&
  isFields(value['metadata']);

const textsOf = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : undefined;

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** What goes out: JSON, always. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A metav1.Status of failure. */
export const failure = (status: number, reason: string, message: string): Answer => ({
  status,
  body: encodeStatus(status, reason, message),
});

/** Sends an answer, unless one was sent; `isLast` closes the connection after it. */
export const send = (response: ServerResponse, { status, body }: Answer, isLast: boolean): void => {
  if (response.headersSent) return;
  if (isLast) response.shouldKeepAlive = false;
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
};

/** Sends an answer; `isLast` closes the connection after it. */
export type Send = (response: ServerResponse, answer: Answer, isLast: boolean) => void;

/** What is smaller is not counted: as many as there may be connections take little. In bytes. */
const SMALL = 16 * 1024;
/** Node looks twice before it gives up a socket that takes nothing. */
const WRITE_IDLE_TIMEOUT_MS = 15_000;

/**
 * Sends answers of one server. Large ones that nobody takes stay in memory, as many as the budget has room for. Past that, whoever
 * holds most or has taken longest loses the connection; where nobody does, who asks gets a 503. A client that takes nothing for half
 * a minute loses it in any case.
 */
export const createSender = (budget: Budget, writeIdleTimeoutMs = WRITE_IDLE_TIMEOUT_MS): Send => {
  return (response, answer, isLast) => {
    const size = answer.body.length;
    if (size <= SMALL) return send(response, answer, isLast);
    const { req: request } = response;
    // Gone while its review was decided.
    if (request.socket.destroyed) return;
    const holding = whileOpen(
      { response },
      budget.open(hostOf(request), () => request.socket.destroy()),
      () => holding.release(),
    );
    if (!holding.take(size)) {
      holding.release();
      return send(response, TOO_MANY, isLast);
    }
    response.setTimeout(writeIdleTimeoutMs);
    send(response, answer, isLast);
  };
};

/** The last answer of a connection, as bytes for where there is no response to send it with. */
export const lastAnswer = ({ status, body }: Answer): string =>
  [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');

const TOO_MANY = failure(503, 'ServiceUnavailable', 'Too many large answers have not been read; try again.');
