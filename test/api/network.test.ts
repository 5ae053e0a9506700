import { describe, expect, it } from 'vitest';
import { networkVariables } from '../../src/api/network.ts';

const valuesOf = (given: Parameters<typeof networkVariables>[0]) =>
  Object.fromEntries(networkVariables(given).map(({ name, value }) => [name, value]));

describe('the variables of a proxy', () => {
  it('have both spellings, and https by the same proxy where nothing is said', () => {
    const { NO_PROXY, no_proxy, ...others } = valuesOf({ proxy: { http: 'http://p:3128' } });
    expect(others).toEqual({
      HTTP_PROXY: 'http://p:3128',
      http_proxy: 'http://p:3128',
      HTTPS_PROXY: 'http://p:3128',
      https_proxy: 'http://p:3128',
    });
    expect(no_proxy).toBe(NO_PROXY);
  });

  it('leave out the cluster itself, and what is said besides', () => {
    const { NO_PROXY = '' } = valuesOf({
      proxy: { https: 'http://p:3128', noProxy: ['.example.org', '10.96.0.0/12'] },
    });
    const hosts = [
      '127.0.0.1',
      '169.254.169.254',
      '$(KUBERNETES_SERVICE_HOST)',
      '.svc',
      '.cluster.local',
      '.example.org',
    ];
    expect(NO_PROXY?.split(',')).toEqual(expect.arrayContaining([...hosts, '10.96.0.0/12']));
    expect(valuesOf({ proxy: { https: 'http://p:3128' } })).not.toHaveProperty('HTTP_PROXY');
  });
});

describe('the variables of a bundle', () => {
  it('name the file in its mount, and Java where it has a trust store', () => {
    const bundle = { configMap: 'ca', key: 'all.pem', mountPath: '/ca/' };
    const plain = valuesOf({ caBundle: bundle });
    expect(new Set(Object.values(plain))).toEqual(new Set(['/ca/all.pem']));
    expect(Object.keys(plain)).toEqual(expect.arrayContaining(['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS']));
    expect(plain).not.toHaveProperty('JAVA_TOOL_OPTIONS');
    expect(valuesOf({ caBundle: { ...bundle, trustStoreKey: 'ca.p12' } })['JAVA_TOOL_OPTIONS']).toContain(
      '-Djavax.net.ssl.trustStore=/ca/ca.p12 ',
    );
  });
});
