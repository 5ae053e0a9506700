import { describe, expect, it } from 'vitest';
import { checkEndpoint, isForbiddenAddress } from '../../../../src/kinds/object-store/providers/endpoints.ts';

const linkLocal = [169, 254, 10, 20].join('.');
const check = (endpoint: string, isLoopbackAllowed = false): string | undefined =>
  checkEndpoint('spec.s3.endpoint', endpoint, isLoopbackAllowed);

describe('endpoints that a tenant may name', () => {
  it.each([
    'https://s3.waw3-1.cloudferro.com',
    'http://rook-ceph-rgw.rook-ceph.svc:8080',
    'http://10.0.0.7:9000',
    'https://[2001:db8::1]:443/',
    'HTTPS://S3.Example.org',
    'https://metadata.example.org',
  ])('takes %s', (endpoint) => {
    expect(check(endpoint)).toBeUndefined();
  });

  it.each([
    `http://${linkLocal}`,
    `http://${linkLocal}.`,
    `http://[::ffff:${linkLocal}]`,
    `http://[64:ff9b::${linkLocal}]`,
    'http://[fe80::1]:9000',
    'http://[fd00:ec2::254]',
    'http://2851998228/',
    'http://0xa9.0xfe.0x0a.0x14',
    'http://metadata.google.internal',
    'http://METADATA.google.internal.',
    'http://metadata',
    'http://168.63.129.16',
    'http://[fd00:ec2::23]',
    'http://[64:ff9b::168.63.129.16]',
    'http://[2002:a83f:8110::1]',
    'http://192.0.0.192',
    'http://[64:ff9b:1::192.0.0.192]',
    'http://[64:ff9b:1:fffe::192.0.0.192]',
    'http://[64:ff9b:1:a9fe:a9:fe00::]',
    'http://[64:ff9b:1:a9:fe:a9fe::]',
    'http://[64:ff9b:1:0:a9:fea9:fe00::]',
    `http://[::ffff:0:${linkLocal}]`,
    `http://[::5efe:${linkLocal}]`,
    `http://[2001:db8::200:5efe:${linkLocal}]`,
    'http://[2001:0:1:1:0:0:5601:5601]',
    'http://[2001:0:a9fe:a9fe::1]',
    'http://[fd00:42::42]',
    'http://[fd00:a9fe:a9fe::1]',
  ])('refuses %s, loopback allowed or not', (endpoint) => {
    expect(check(endpoint)).toContain('loopback, link-local or metadata address');
    expect(check(endpoint, true)).toContain('loopback, link-local or metadata address');
  });

  it.each([
    'http://127.0.0.1:9000',
    'http://127.1',
    'http://localhost',
    'http://a.localhost',
    'http://[::1]',
    'http://0',
    'http://[64:ff9b::127.0.0.1]',
    'http://[2002:7f00:1::]',
  ])('refuses %s unless loopback is allowed', (endpoint) => {
    expect(check(endpoint)).toContain('loopback');
    expect(check(endpoint, true)).toBeUndefined();
  });

  it.each(['s3.example.org', 'host:9000', 'ftp://example.org', 'http:/example.org', 'https://', ''])(
    'asks for a whole address instead of %j',
    (endpoint) => {
      expect(check(endpoint)).toContain('must be a whole address such as https://');
    },
  );

  it('never repeats what may be a password', () => {
    const sentence = check('https://user:hunter2@s3.example.org');
    expect(sentence).toContain('spec.credentialsSecretRef');
    expect(sentence).not.toContain('hunter2');
  });

  it.each(['https://s3.example.org/base', 'https://s3.example.org//', 'https://s3.example.org/a/../b'])(
    'takes no path: %s',
    (endpoint) => {
      expect(check(endpoint)).toBe('spec.s3.endpoint must hold no path: a bucket is named by spec.name alone.');
    },
  );

  it('takes no query and no fragment, which an S3 client would drop', () => {
    expect(check('https://s3.example.org/?x=1')).toContain('no query');
    expect(check('https://s3.example.org/#x')).toContain('no query');
  });
});

describe('addresses a name may resolve to', () => {
  it('knows those that are forbidden in every spelling', () => {
    expect(isForbiddenAddress(linkLocal, true)).toBe(true);
    expect(isForbiddenAddress(`::ffff:${linkLocal}`, true)).toBe(true);
    for (const prefix of ['64:ff9b::', '64:ff9b:1::', '::'])
      expect(isForbiddenAddress(`${prefix}a9fe:1`, true)).toBe(true);
    for (const loopback of ['127.0.0.1', '::1', '::', '::7f00:1', '::ffff:127.0.0.1', '0.0.0.0'])
      expect([loopback, isForbiddenAddress(loopback, false)]).toEqual([loopback, true]);
    for (const allowed of ['::ffff:192.0.2.1', '64:ff9b:1:1::192.0.2.1', '64:ff9b:1:c000:2:100::', '2001:db8::1'])
      expect([allowed, isForbiddenAddress(allowed, false)]).toEqual([allowed, false]);
    expect(isForbiddenAddress(`fe80::1%eth0`, true)).toBe(true);
    expect(isForbiddenAddress('127.0.0.1', true)).toBe(false);
    expect(isForbiddenAddress('192.0.2.1', false)).toBe(false);
    expect(isForbiddenAddress('s3.example.org', false)).toBe(false);
  });
});
