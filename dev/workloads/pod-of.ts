import type { KubeObject, StringMap } from '../../src/api/kubernetes.ts';

interface Template {
  readonly metadata?: { readonly labels?: StringMap; readonly annotations?: StringMap };
  readonly spec: Readonly<Record<string, unknown>>;
}
interface Made extends KubeObject {
  readonly spec: Readonly<Record<string, unknown>> & { readonly template?: Template };
}

/** Where UIDs are the API server's to choose. */
const UID = '7c0b7a0e-0000-4000-8000-000000000001';

/** A pod as a framework's client made it, or as the controller of what it made does: a Job's or a Deployment's. */
export const podOf = (made: Made): KubeObject => {
  const { template } = made.spec;
  if (template === undefined) return made;
  const { labels, annotations } = template.metadata ?? {};
  const { kind, name, own } = ownerOf(made);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${name}-`,
      namespace: 'jobs',
      labels: { ...labels, ...own },
      ...(annotations && Object.keys(annotations).length > 0 && { annotations }),
      ownerReferences: [
        {
          apiVersion: kind === 'Job' ? 'batch/v1' : 'apps/v1',
          kind,
          name,
          uid: UID,
          controller: true,
          blockOwnerDeletion: true,
        } as never,
      ],
    },
    spec: template.spec,
  } as KubeObject;
};

/** Who owns the pods, and the labels that this controller puts on them. */
const ownerOf = ({ kind, metadata: { name, generateName } }: Made) => {
  const base = name ?? `${generateName ?? ''}x7k2p`;
  if (kind === 'Deployment') {
    const hash = '6d4f5c7b9';
    return { kind: 'ReplicaSet', name: `${base}-${hash}`, own: { 'pod-template-hash': hash } };
  }
  const labels = { 'controller-uid': UID, 'job-name': base };
  const prefixed = Object.entries(labels).map(([key, value]) => [`batch.kubernetes.io/${key}`, value]);
  return { kind: 'Job', name: base, own: { ...labels, ...Object.fromEntries(prefixed) } as StringMap };
};
