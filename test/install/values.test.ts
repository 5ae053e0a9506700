import { readFile } from 'node:fs/promises';
import { createPatch } from 'rfc6902';
import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import type { JsonSchema } from '../../src/api/schema.ts';
import { installObjects } from '../../src/install/manifests.ts';
import { type InstallOptions, type InstallValues, optionsSchema, readOptions } from '../../src/install/options.ts';
import { rulesInForce } from '../../src/kinds/index.ts';
import { readSettings } from '../../src/settings/config.ts';

const POD = 'Deployment quartermaster/spec/template/spec';
const MAIN = `${POD}/containers/0`;
const WEBHOOKS = 'MutatingWebhookConfiguration quartermaster/webhooks';
const requirement = { key: 'team', operator: 'In' as const, values: ['a'] };
const resources = { requests: { cpu: '1' } };

/** What stands in each webhook. */
const inEach = (change: (at: number) => string): readonly string[] => rulesInForce([]).map((_, at) => change(at));
const hasObjectSelector = (at: number): boolean => rulesInForce([])[at]?.objectSelector !== undefined;

interface Effect {
  readonly values: Partial<InstallOptions>;
  /** What must be chosen for this one to have an effect. */
  readonly besides?: Partial<InstallOptions>;
  readonly changes: readonly string[];
}

/** Every value there is, what else it may be, and all that this changes. */
const effects: Readonly<Record<keyof InstallValues, Effect>> = {
  image: { values: { image: 'example.org/q:9' }, changes: [`replace ${MAIN}/image "example.org/q:9"`] },
  nfsServerImage: {
    values: { nfsServerImage: 'example.org/nfs:9' },
    changes: [`replace ${MAIN}/env/NFS_SERVER_IMAGE "example.org/nfs:9"`],
  },
  imagePullSecrets: {
    values: { imagePullSecrets: [{ name: 'registry' }] },
    changes: [`add ${POD}/imagePullSecrets [{"name":"registry"}]`],
  },
  replicas: { values: { replicas: 3 }, changes: ['replace Deployment quartermaster/spec/replicas 3'] },
  resources: {
    values: { resources },
    changes: [
      `remove ${MAIN}/resources/limits`,
      `remove ${MAIN}/resources/requests/memory`,
      `replace ${MAIN}/resources/requests/cpu "1"`,
    ],
  },
  priorityClassName: { values: { priorityClassName: 'high' }, changes: [`replace ${POD}/priorityClassName "high"`] },
  nodeSelector: {
    values: { nodeSelector: { pool: 'system' } },
    changes: [`remove ${POD}/nodeSelector/kubernetes.io/os`, `add ${POD}/nodeSelector/pool "system"`],
  },
  tolerations: {
    values: { tolerations: [{ key: 'dedicated' }] },
    changes: [`add ${POD}/tolerations [{"key":"dedicated"}]`],
  },
  topologySpreadConstraints: {
    values: { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'rack' }] },
    changes: [
      `remove ${POD}/topologySpreadConstraints/0/whenUnsatisfiable`,
      `remove ${POD}/topologySpreadConstraints/0/labelSelector`,
      `replace ${POD}/topologySpreadConstraints/0/topologyKey "rack"`,
    ],
  },
  podLabels: {
    values: { podLabels: { team: 'platform' } },
    changes: ['add Deployment quartermaster/spec/template/metadata/labels/team "platform"'],
  },
  podAnnotations: {
    values: { podAnnotations: { note: 'x' } },
    changes: ['add Deployment quartermaster/spec/template/metadata/annotations {"note":"x"}'],
  },
  serviceAccountAnnotations: {
    values: { serviceAccountAnnotations: { role: 'arn' } },
    changes: ['add ServiceAccount quartermaster/metadata/annotations {"role":"arn"}'],
  },
  logLevel: { values: { logLevel: 'debug' }, changes: [`replace ${MAIN}/env/LOG_LEVEL "debug"`] },
  settings: { values: { settings: { CLOUD: 'aws' } }, changes: [`add ${MAIN}/env/CLOUD "aws"`] },
  failurePolicy: {
    values: { failurePolicy: { 'workflow-pod': 'Fail' } },
    changes: [`replace ${MAIN}/env/FAILURE_POLICY "workflow-pod=Fail"`],
  },
  timeoutSeconds: {
    values: { timeoutSeconds: 7 },
    changes: [
      ...inEach((at) => `replace ${WEBHOOKS}/${at}/timeoutSeconds 7`),
      `replace ${MAIN}/env/WEBHOOK_TIMEOUT_SECONDS "7"`,
    ],
  },
  excludedNamespaces: {
    values: { excludedNamespaces: ['legacy'] },
    changes: [
      ...inEach((at) => `add ${WEBHOOKS}/${at}/namespaceSelector/matchExpressions/0/values/- "legacy"`),
      `replace ${MAIN}/env/EXCLUDED_NAMESPACES "legacy"`,
    ],
  },
  namespaceSelector: {
    values: { namespaceSelector: { matchExpressions: [requirement] } },
    changes: [
      ...inEach(
        (at) =>
          `add ${WEBHOOKS}/${at}/namespaceSelector/matchExpressions/- {"key":"team","operator":"In","values":["a"]}`,
      ),
      `replace ${MAIN}/env/WEBHOOK_NAMESPACE_SELECTOR ${JSON.stringify(JSON.stringify([requirement]))}`,
    ],
  },
  objectSelector: {
    values: { objectSelector: { matchExpressions: [requirement] } },
    changes: [
      ...inEach((at) =>
        hasObjectSelector(at)
          ? `add ${WEBHOOKS}/${at}/objectSelector/matchExpressions/- ${JSON.stringify(requirement)}`
          : `add ${WEBHOOKS}/${at}/objectSelector ${JSON.stringify({ matchExpressions: [requirement] })}`,
      ),
      `replace ${MAIN}/env/WEBHOOK_OBJECT_SELECTOR ${JSON.stringify(JSON.stringify([requirement]))}`,
    ],
  },
  networkPolicy: {
    besides: { monitoring: true },
    values: { networkPolicy: false },
    changes: ['remove NetworkPolicy quartermaster', 'remove NetworkPolicy quartermaster-scrape'],
  },
  certManager: {
    values: { certManager: true },
    changes: [
      'add Issuer quartermaster-self-signed',
      'add Certificate quartermaster-authority',
      'add Issuer quartermaster-authority',
      'add Certificate quartermaster-serving',
      `add ${POD}/volumes [{"name":"certificates","secret":{"secretName":"quartermaster-serving"}}]`,
      `add ${MAIN}/volumeMounts [{"name":"certificates","mountPath":"/certificates","readOnly":true}]`,
      `add ${MAIN}/env/TLS_CERT_FILE "/certificates/tls.crt"`,
      `add ${MAIN}/env/TLS_KEY_FILE "/certificates/tls.key"`,
      `add ${MAIN}/env/TLS_CA_FILE "/certificates/ca.crt"`,
    ],
  },
  monitoring: {
    values: { monitoring: true },
    changes: [
      'add ServiceMonitor quartermaster',
      'add NetworkPolicy quartermaster-scrape',
      'add PrometheusRule quartermaster',
      'add ConfigMap quartermaster-dashboard',
    ],
  },
  monitoringNamespace: {
    besides: { monitoring: true },
    values: { monitoringNamespace: 'watch' },
    changes: [
      'replace NetworkPolicy quartermaster-scrape/spec/ingress/1/from/0/namespaceSelector/matchLabels/kubernetes.io/metadata.name "watch"',
    ],
  },
  monitoringLabels: {
    besides: { monitoring: true },
    values: { monitoringLabels: { release: 'prometheus' } },
    changes: [
      'add ServiceMonitor quartermaster/metadata/labels/release "prometheus"',
      'add PrometheusRule quartermaster/metadata/labels/release "prometheus"',
    ],
  },
};

/** Variables by their names, so that one more does not move the others. */
const byVariable = (name: string, value: unknown): unknown =>
  name === 'env' && Array.isArray(value)
    ? Object.fromEntries(
        (value as readonly Variable[]).map(({ name: one, value: text, valueFrom }) => [one, text ?? valueFrom]),
      )
    : value;

interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: unknown;
}

const installed = (options: Partial<InstallOptions>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    installObjects(readOptions(options)).map((object) => [
      `${object.kind} ${object.metadata.name}`,
      JSON.parse(JSON.stringify(object, byVariable)) as unknown,
    ]),
  );

/** Whole objects that come or go by their names alone. */
const sentence = (operation: ReturnType<typeof createPatch>[number]): string => {
  const path = operation.path.slice(1).replaceAll('~1', '/');
  const isWhole = /^\S+ [^/]+$/.test(path);
  return `${operation.op} ${path}${'value' in operation && !isWhole ? ` ${JSON.stringify(operation.value)}` : ''}`;
};

const changesOf = ({ values, besides = {} }: Effect): readonly string[] =>
  createPatch(installed(besides), installed({ ...besides, ...values })).map(sentence);

/** Every field of the schema that has none within, as `imagePullSecrets[].name`. */
const leavesOf = (schema: JsonSchema, path: string): readonly string[] => {
  if (schema.items) return leavesOf(schema.items, `${path}[]`);
  const fields = Object.entries(schema.properties ?? {});
  return fields.length === 0
    ? [path]
    : fields.flatMap(([name, field]) => leavesOf(field, path ? `${path}.${name}` : name));
};

const isSet = (path: string, value: unknown): boolean => {
  if (path === '') return value !== undefined;
  if (path.startsWith('[]')) return Array.isArray(value) && value.some((item) => isSet(path.slice(2), item));
  const [, name = '', rest = ''] = /^\.?([^.[]+)(.*)$/.exec(path) ?? [];
  return isSet(rest, (value as Readonly<Record<string, unknown>> | undefined)?.[name]);
};

describe('every value of an install', () => {
  test.each(Object.entries(effects))('%s changes what it is about, and nothing else', (_, effect) => {
    expect(changesOf(effect).toSorted()).toEqual(effect.changes.toSorted());
  });

  test('is among them, down to the last field of the schema that the chart ships', async () => {
    const set = Object.assign({}, ...Object.values(effects).map(({ values }) => values)) as object;
    const schema = JSON.parse(await readFile('charts/quartermaster/values.schema.json', 'utf8')) as JsonSchema;
    // Helm gives every chart that one, for charts within charts.
    const leaves = leavesOf(schema, '').filter((path) => path !== 'global');
    expect(leaves).toEqual(leavesOf(optionsSchema.json, ''));
    expect(leaves).toContain('namespaceSelector.matchExpressions[].operator');
    expect(leaves.filter((path) => !isSet(path, set))).toEqual([]);
  });

  test('that is a setting reaches the program, which makes the same webhook configuration of it', () => {
    const given = {
      logLevel: 'debug' as const,
      settings: { CLOUD: 'aws', FACTS: 'region=eu-west-1' },
      failurePolicy: { 'spark-application': 'Ignore', 'workflow-pod': 'Fail' } as const,
      timeoutSeconds: 7,
      excludedNamespaces: ['legacy', 'old'],
      namespaceSelector: { matchExpressions: [{ key: 'team', operator: 'Exists' as const }] },
      objectSelector: { matchExpressions: [{ key: 'skip', operator: 'NotIn' as const, values: ['yes'] }] },
    };
    const { SYSTEM_NAMESPACE: _, SERVICE_ACCOUNT: __, ...variables } = variablesIn(installed(given));
    expect(readSettings(variables)).toMatchObject({
      logLevel: 'debug',
      cloud: 'aws',
      facts: { region: 'eu-west-1' },
      failurePolicy: given.failurePolicy,
      webhookTimeoutSeconds: 7,
      excludedNamespaces: given.excludedNamespaces,
      namespaceRequirements: given.namespaceSelector.matchExpressions,
      objectRequirements: given.objectSelector.matchExpressions,
    });
  });
});

const variablesIn = (objects: Readonly<Record<string, unknown>>): Record<string, string> => {
  const deployment = objects['Deployment quartermaster'] as KubeObject & {
    readonly spec: { readonly template: { readonly spec: { readonly containers: readonly { env: object }[] } } };
  };
  return { ...deployment.spec.template.spec.containers[0]?.env } as Record<string, string>;
};
