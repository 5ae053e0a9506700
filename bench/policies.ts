import type { PlatformDefaults } from '../src/api/platform-defaults.ts';

/** How a MutatingAdmissionPolicy says what is to change. */
export const policyForms = ['policy-apply', 'policy-json-patch'] as const;
export type PolicyForm = (typeof policyForms)[number];

/** The same defaults as policies that the API server runs itself, one for each, for pods of namespaces with `bench: <form>`. */
export const policiesOf = (defaults: readonly PlatformDefaults[], form: PolicyForm): readonly object[] =>
  defaults.flatMap((one, index) => {
    const name = `${form}-${index}`;
    const { matchLabels } = one.spec.match.selector ?? {};
    return [
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'MutatingAdmissionPolicy',
        metadata: { name },
        spec: {
          matchConstraints: {
            objectSelector: { matchLabels },
            resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
          },
          failurePolicy: 'Fail',
          reinvocationPolicy: 'Never',
          mutations: form === 'policy-apply' ? [applyConfigurationOf(one)] : [jsonPatchOf(one)],
        },
      },
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'MutatingAdmissionPolicyBinding',
        metadata: { name },
        spec: { policyName: name, matchResources: { namespaceSelector: { matchLabels: { bench: form } } } },
      },
    ];
  });

const text = (value: string): string => JSON.stringify(value);
const fields = (map: Readonly<Record<string, string>> = {}): string =>
  Object.entries(map)
    .map(([key, value]) => `${text(key)}: ${text(value)}`)
    .join(', ');

/** The mutation as an apply configuration in CEL, which Kyverno's MutatingPolicy takes too. */
export const applyConfigurationOf = ({ spec: { inject = {} } }: PlatformDefaults): object => {
  const volumes = (inject.volumes ?? []).map(
    ({ name }) => `Object.spec.volumes{name: ${text(name)}, emptyDir: Object.spec.volumes.emptyDir{}}`,
  );
  const mounts = (inject.volumeMounts ?? []).map(
    ({ name, mountPath }) => `Object.spec.containers.volumeMounts{name: ${text(name)}, mountPath: ${text(mountPath)}}`,
  );
  const expression = `Object{
    metadata: Object.metadata{labels: {${fields(inject.labels)}}, annotations: {${fields(inject.annotations)}}},
    spec: Object.spec{
      volumes: [${volumes.join(', ')}],
      containers: [Object.spec.containers{name: "main", volumeMounts: [${mounts.join(', ')}]}]
    }
  }`;
  return { patchType: 'ApplyConfiguration', applyConfiguration: { expression } };
};

/** The pod of the bench has all of these maps and lists. */
const jsonPatchOf = ({ spec: { inject = {} } }: PlatformDefaults): object => {
  const add = (path: string, value: string): string => `JSONPatch{op: "add", path: ${path}, value: ${value}}`;
  const ofMap = (field: string, map: Readonly<Record<string, string>> = {}): readonly string[] =>
    Object.entries(map).map(([key, value]) =>
      add(`"/metadata/${field}/" + jsonpatch.escapeKey(${text(key)})`, text(value)),
    );
  const operations = [
    ...ofMap('labels', inject.labels),
    ...ofMap('annotations', inject.annotations),
    ...(inject.volumes ?? []).map(({ name }) =>
      add('"/spec/volumes/-"', `Object.spec.volumes{name: ${text(name)}, emptyDir: Object.spec.volumes.emptyDir{}}`),
    ),
    ...(inject.volumeMounts ?? []).map(({ name, mountPath }) =>
      add(
        '"/spec/containers/0/volumeMounts/-"',
        `Object.spec.containers.volumeMounts{name: ${text(name)}, mountPath: ${text(mountPath)}}`,
      ),
    ),
  ];
  return { patchType: 'JSONPatch', jsonPatch: { expression: `[${operations.join(', ')}]` } };
};
