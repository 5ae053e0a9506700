import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { settingsPage } from '../../dev/settings-page.ts';
import { applySettings } from '../../src/server/live-settings.ts';
import { readSettings } from '../../src/settings/config.ts';

const start = readSettings({ LOG_LEVEL: 'warn', STORAGE_CLASS_LIMIT: '7' });

describe('settings', () => {
  it.each([
    [{ TLS_CERT_FILE: '/tls.crt' }, 'TLS_CERT_FILE and TLS_KEY_FILE are given together or not at all'],
    [{ TLS_CA_FILE: '/ca.crt' }, 'TLS_CA_FILE is given without TLS_CERT_FILE'],
    [{ S3_CREDENTIALS: 'keys' }, 'S3_CREDENTIALS is given without S3_ENDPOINT'],
    [{ S3_ENDPOINT: 'https://s3.example.org/path' }, 'S3_ENDPOINT="https://s3.example.org/path" is not an address'],
    [{ DRAIN_SECONDS: '30', SHUTDOWN_SECONDS: '20' }, 'DRAIN_SECONDS is longer than SHUTDOWN_SECONDS'],
  ])('%o are refused, for they contradict each other', (environment, sentence) => {
    expect(() => readSettings(environment)).toThrow(sentence);
  });

  it.each([
    [{}, 'quartermaster'],
    [{ SERVICE_ACCOUNT: 'team-quartermaster-blue' }, 'team-quartermaster-blue'],
    [{ SERVICE_ACCOUNT: 'somebody' }, 'quartermaster'],
    [{ SERVICE_ACCOUNT: 'team-quartermaster', SERVICE_NAME: 'own', WEBHOOK_CONFIGURATION_NAME: 'own' }, 'own'],
  ])('of %o say what the install is called', (environment, name) => {
    expect(readSettings(environment)).toMatchObject({ serviceName: name, webhookConfigurationName: name });
  });

  it.each([
    ['{}', 'is not a JSON list of'],
    ['[', 'is not a JSON list of'],
    ['[null]', 'is not a JSON list of'],
    ['[{"key":"a"}]', 'matchExpressions[0].operator: is required'],
    ['[{"key":"a","operator":null}]', 'matchExpressions[0].operator: is required'],
    ['[{"key":"a","operator":"in","values":["b"]}]', 'matchExpressions[0].operator: "in" is not one of In, NotIn'],
    ['[{"key":"a b","operator":"Exists"}]', 'matchExpressions[0].key: "a b" is not a label key'],
    ['[{"key":"a","operator":"In","values":["b c"]}]', 'matchExpressions[0].values[0]: "b c" is not a label value'],
    ['[{"key":"a","operator":"In","values":"b"}]', 'matchExpressions[0].values'],
    ['[{"key":"a","operator":"In"}]', 'matchExpressions[0].values: In takes at least one'],
    ['[{"key":"a","operator":"Exists","values":["b"]}]', 'matchExpressions[0].values: Exists takes none'],
    ['[{"key":"a","operator":"Exists","value":"b"}]', 'there is no such field (did you mean values?)'],
  ])('that API servers would refuse the webhook configuration for are refused: %s', (text, sentence) => {
    for (const env of ['WEBHOOK_NAMESPACE_SELECTOR', 'WEBHOOK_OBJECT_SELECTOR']) {
      expect(() => readSettings({ [env]: text })).toThrow(sentence);
      expect(() => readSettings({ [env]: text })).toThrow(env);
    }
  });

  it('name namespaces by names that these can have', () => {
    expect(readSettings({ EXCLUDED_NAMESPACES: 'legacy, old' }).excludedNamespaces).toEqual(['legacy', 'old']);
    expect(() => readSettings({ EXCLUDED_NAMESPACES: 'legacy;old' })).toThrow(
      'EXCLUDED_NAMESPACES="legacy;old" is not names of namespaces joined by commas',
    );
  });

  it('are in docs/settings.md as the sources have them (npm run docs writes it)', async () => {
    expect(await readFile('docs/settings.md', 'utf8')).toBe(settingsPage());
  });
});

describe('live settings', () => {
  it('win over those of the start, and leave them when they go', () => {
    const { values, refused } = applySettings({ LOG_LEVEL: 'debug', STORAGE_CLASS_PATTERN: 'team-.*' }, start, start);
    expect(refused).toEqual([]);
    expect(values).toMatchObject({ logLevel: 'debug', storageClassLimit: 7 });
    expect(values.storageClassPattern.test('team-a')).toBe(true);
    expect(values.storageClassPattern.test('other')).toBe(false);
    expect(applySettings({}, start, values).values).toEqual(start);
  });

  it('that are wrong leave in force what was, and the others are taken all the same', () => {
    const before = applySettings({ STORAGE_CLASS_PATTERN: 'team-.*' }, start, start).values;
    const { values, refused } = applySettings({ STORAGE_CLASS_PATTERN: '(', STORAGE_CLASS_LIMIT: '9' }, start, before);
    expect(refused).toEqual(['Settings refused: STORAGE_CLASS_PATTERN="(" is not a regular expression.']);
    expect(values.storageClassPattern).toEqual(before.storageClassPattern);
    expect(values.storageClassLimit).toBe(9);
  });

  it('are five: any other is refused by name', () => {
    const { values, refused } = applySettings({ OPS_PORT: '1', COLOUR: 'blue' }, start, start);
    expect(refused).toEqual([
      'OPS_PORT is read at the start only: set it in the Deployment.',
      'COLOUR is no setting (did you mean CLOUD?).',
    ]);
    expect(values).toEqual(start);
  });
});
