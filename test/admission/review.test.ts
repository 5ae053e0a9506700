import { describe, expect, it } from 'vitest';
import { decodeReview, encodeReview, encodeStatus } from '../../src/admission/review.ts';

const request = (fields: Record<string, unknown>): string =>
  JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u-1',
      operation: 'CREATE',
      resource: { group: '', version: 'v1', resource: 'pods' },
      object: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } },
      ...fields,
    },
  });

describe('a body that is no AdmissionReview', () => {
  it.each([
    ['nothing', ''],
    ['no JSON', '<html>'],
    ['a JSON string', '"review"'],
    ['null', 'null'],
    ['a list', '[]'],
    ['an empty object', '{}'],
    ['another kind', '{"apiVersion":"v1","kind":"Pod"}'],
    ['an older version', '{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview","request":{"uid":"u"}}'],
    ['a review without a request', '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}'],
    ['a request without a uid', request({ uid: undefined })],
    ['a request whose uid is a number', request({ uid: 7 })],
    ['a request whose uid is as long as a book', request({ uid: 'u'.repeat(1_000_000) })],
  ])('is told so when it is %s', (_what, body) => {
    const decoded = decodeReview(body);
    expect(decoded.kind).toBe('none');
    expect(JSON.stringify(decoded)).toMatch(/\."/);
  });
});

describe('an AdmissionReview that cannot be decided', () => {
  it.each([
    ['request.operation', { operation: 'PATCH' }],
    ['request.resource', { resource: null }],
    ['request.namespace', { namespace: 'n'.repeat(64) }],
    ['request.object', { object: null }],
    ['request.object', { object: [] }],
    ['request.object', { object: { apiVersion: 'v1', kind: 'Pod' } }],
    ['request.oldObject', { operation: 'UPDATE', oldObject: null }],
  ])('is answered with a refusal that names %s', (field, fields) => {
    const decoded = decodeReview(request(fields));
    expect(decoded).toMatchObject({ kind: 'unusable', uid: 'u-1' });
    expect(JSON.stringify(decoded)).toContain(field);
  });
});

describe('an AdmissionReview', () => {
  it('is read down to what a decision needs', () => {
    const body = request({
      namespace: 'jobs',
      name: 'p',
      dryRun: true,
      subResource: '',
      userInfo: { username: 'ann' },
    });
    expect(decodeReview(body)).toEqual({
      kind: 'request',
      request: {
        uid: 'u-1',
        operation: 'CREATE',
        resource: { group: '', version: 'v1', resource: 'pods' },
        namespace: 'jobs',
        name: 'p',
        object: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } },
        dryRun: true,
        username: 'ann',
        size: body.length,
      },
    });
  });

  it.each(['DELETE', 'CONNECT'])('of a %s may carry no object', (operation) => {
    expect(decodeReview(request({ operation, object: null })).kind).toBe('request');
  });

  it('is answered without patch fields where nothing changed', () => {
    expect(JSON.parse(encodeReview({ uid: 'u-1', allowed: true, patch: [] }))).toEqual({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: 'u-1', allowed: true },
    });
  });

  it('is answered with the patch in base64', () => {
    const patch = [{ op: 'add', path: '/metadata/labels', value: { team: 'naïve' } }] as const;
    const { response } = JSON.parse(encodeReview({ uid: 'u-1', allowed: true, patch })) as {
      response: Record<string, string>;
    };
    expect(response['patchType']).toBe('JSONPatch');
    expect(JSON.parse(Buffer.from(response['patch'] ?? '', 'base64').toString())).toEqual(patch);
  });

  it('is answered with a refusal where the patch is larger than what any API server stores', () => {
    const patch = [{ op: 'add', path: '/metadata/labels', value: { team: 'x'.repeat(17 * 2 ** 20) } }] as const;
    expect(JSON.parse(encodeReview({ uid: 'u-1', allowed: true, patch, audit: { applied: 'a' } }))).toMatchObject({
      response: {
        uid: 'u-1',
        allowed: false,
        status: { code: 422, message: 'What it would be given is more than any API server stores.' },
      },
    });
  });
});

it('a Status has the fields kubectl reads', () => {
  expect(JSON.parse(encodeStatus(400, 'BadRequest', 'No.'))).toMatchObject({
    kind: 'Status',
    status: 'Failure',
    code: 400,
    message: 'No.',
  });
});
