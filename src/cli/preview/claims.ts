import type { KubeObject } from '../../api/kubernetes.ts';
import { isRecord, mapAt, type Path, readAt, type UnknownRecord } from '../../injection/path.ts';
import type { Templated } from './made-object.ts';
import { workflowName } from './workflow-pods.ts';

/** The claims that an object brings by itself: of its claim templates, and of ephemeral volumes of its pods. Their names are those that the controllers of Kubernetes and Argo give. */
export const claimsOf = (object: KubeObject): readonly Templated[] => {
  const known = `${object.apiVersion.split('/')[0] ?? ''} ${object.kind}`;
  const make = Object.hasOwn(CLAIMS, known) ? CLAIMS[known] : undefined;
  return make === undefined ? [] : make(object).filter(({ object: claim }) => isRecord(readAt(claim, ['spec'])));
};

type Make = (object: KubeObject) => readonly Templated[];

const listAt = (object: unknown, path: Path): readonly unknown[] => {
  const list = readAt(object, path);
  return Array.isArray(list) ? (list as readonly unknown[]) : [];
};

/** Claims of the list at `path`. `nameFor` puts owner and template together; `labelsFor` is what the controller labels them with. */
const templatesAt =
  (
    path: Path,
    nameFor: (owner: string, template: string) => string,
    labelsFor: (object: KubeObject) => UnknownRecord,
  ): Make =>
  (object) =>
    listAt(object, path).map((template, at) => {
      const name = mapAt(template, ['metadata'])['name'];
      return claimFrom(object, template, {
        name: nameFor(ownerName(object), typeof name === 'string' ? name : ''),
        from: [...path, String(at)].join('.'),
        labels: labelsFor(object),
      });
    });

/** Claims of the ephemeral volumes of a pod whose spec is at `path`; `<pod>-<volume>`. */
const ephemeralAt =
  (path: Path): Make =>
  (object) =>
    listAt(object, [...path, 'volumes']).flatMap((volume, at) => {
      const template = readAt(volume, ['ephemeral', 'volumeClaimTemplate']);
      const name = readAt(volume, ['name']);
      return isRecord(template) && typeof name === 'string'
        ? [
            claimFrom(object, template, {
              name: `${object.kind === 'Pod' ? ownerName(object) : `${ownerName(object)}-*`}-${name}`,
              from: [...path, 'volumes', String(at)].join('.'),
            }),
          ]
        : [];
    });

const ownerName = ({ metadata }: KubeObject): string => metadata.name ?? `${metadata.generateName ?? ''}*`;

/** A name that is not known whole stands in `generateName`, as it is sent. */
const claimFrom = (
  { metadata: { namespace } }: KubeObject,
  template: unknown,
  { name, from, labels: given = {} }: { readonly name: string; readonly from: string; readonly labels?: UnknownRecord },
): Templated => {
  const { labels: own = {}, annotations }: UnknownRecord = mapAt(template, ['metadata']);
  const labels = isRecord(own) ? { ...own, ...given } : given;
  const isWhole = !name.includes('*');
  const metadata = {
    ...(isWhole ? { name } : { generateName: name.slice(0, name.indexOf('*')) }),
    ...(namespace !== undefined && { namespace }),
    ...(Object.keys(labels).length > 0 && { labels }),
    ...(isRecord(annotations) && { annotations }),
  };
  const spec = readAt(template, ['spec']);
  return { object: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec } as KubeObject, from };
};

const all =
  (...makers: readonly Make[]): Make =>
  (object) =>
    makers.flatMap((make) => make(object));

const POD_TEMPLATE = ['spec', 'template', 'spec'];
/** `suffix`: what the name of the Workflow has besides that of the object. */
const ofWorkflow = (path: Path, suffix = ''): Make =>
  templatesAt(
    [...path, 'volumeClaimTemplates'],
    (owner, template) => `${owner}${suffix}-${template}`,
    (object) => ({ 'workflows.argoproj.io/workflow': workflowName(object) }),
  );

const CLAIMS: Readonly<Record<string, Make>> = {
  'v1 Pod': ephemeralAt(['spec']),
  'apps StatefulSet': all(
    templatesAt(
      ['spec', 'volumeClaimTemplates'],
      (owner, template) => `${template}-${owner}-0`,
      (object) => mapAt(object, ['spec', 'selector', 'matchLabels']),
    ),
    ephemeralAt(POD_TEMPLATE),
  ),
  'apps Deployment': ephemeralAt(POD_TEMPLATE),
  'apps DaemonSet': ephemeralAt(POD_TEMPLATE),
  'batch Job': ephemeralAt(POD_TEMPLATE),
  'batch CronJob': ephemeralAt(['spec', 'jobTemplate', 'spec', 'template', 'spec']),
  'argoproj.io Workflow': ofWorkflow(['spec']),
  'argoproj.io CronWorkflow': ofWorkflow(['spec', 'workflowSpec'], '-*'),
};
