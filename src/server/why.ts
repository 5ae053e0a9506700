import { AppError, hasReason } from '../api/errors.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import type { PlatformDefaults } from '../api/platform-defaults.ts';
import { askableResource } from '../explanation/askable.ts';
import { explainStored } from '../explanation/stored.ts';
import { type Kube, type Resource, resources } from '../kube/api-server.ts';
import type { Viewer } from '../ops/access.ts';
import type { WhyAnswer, WhyQuery } from '../ops/status-api.ts';
import { verdictsOf } from '../ops/verdicts.ts';
import { clusterOf } from './cluster.ts';
import type { Core } from './core.ts';

/**
 * Explains a stored object. It is read as whoever asks, by their own token: they see what they may read anyway. Throws AppError:
 * InvalidInput, NotFound, Forbidden, and those of the API server.
 */
export const explainForViewer = async (
  core: Core,
  { kind, namespace, name }: WhyQuery,
  viewer: Viewer,
): Promise<Omit<WhyAnswer, 'apiVersion'>> => {
  const resource = askableResource(kind);
  const kube = viewer.token === undefined ? core.kube : core.kubeAs(viewer.token);
  const stored = await readAs(kube, viewer, resource, { namespace, name });
  const { group, version } = resource;
  const object = { ...stored, apiVersion: group === '' ? version : `${group}/${version}`, kind: resource.kind };
  const { items } = await core.kube.list<PlatformDefaults>(resources.platformDefaults, {});
  const { was, differs, now } = explainStored(object, items, clusterOf(core));
  const { isSent, notes, defaults } = now;
  return {
    ...{ kind: resource.kind, namespace, name },
    ...{ was, differs },
    now: { isSent, notes, ...verdictsOf(defaults, [core.settings.namespace, namespace]) },
  };
};

const readAs = async (
  kube: Kube,
  viewer: Viewer,
  resource: Resource,
  key: { readonly namespace: string; readonly name: string },
): Promise<KubeObject> => {
  const found = await kube.get<KubeObject>(resource, key).catch((error: unknown) => {
    if (!hasReason(error, 'Forbidden')) throw error;
    throw new AppError('Forbidden', refusalFor(viewer, resource, key.namespace), { cause: error });
  });
  if (found === undefined) throw new AppError('NotFound', `There is no ${resource.kind} ${key.namespace}/${key.name}.`);
  return found;
};

const refusalFor = ({ token }: Viewer, { kind, plural }: Resource, namespace: string): string =>
  token === undefined
    ? `Quartermaster itself may not read a ${kind}: ask with a token of your own (Authorization: Bearer …), or with quartermaster why on your machine.`
    : `You may not get ${plural} in namespace ${namespace}.`;
