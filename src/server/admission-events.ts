import type { HandlerOptions } from '../admission/handler.ts';
import type { AdmissionRequest } from '../api/admission.ts';
import type { KubeObject, OwnerReference } from '../api/kubernetes.ts';
import { plainSentences } from '../api/plain-text.ts';
import type { EventRecorder } from '../controller/events.ts';
import { listAt, readAt, textAt } from '../injection/path.ts';

/** Of one admission; what more there is stands in the log. */
const MAX_EVENTS = 5;

/**
 * Tells as Events what an engine hears in place of a person: an engine that makes pods, or an application for a schedule,
 * gets the warnings of an admission and shows them to nobody. They are about the object's owner, since it is not stored yet;
 * about itself by name where it has none.
 */
export const tellOwners =
  (events: Pick<EventRecorder, 'record'>): NonNullable<HandlerOptions['observe']> =>
  (request, { warnings }) => {
    if (warnings.length === 0 || request.dryRun || request.operation !== 'CREATE') return;
    const owner = ownerOf(request.object);
    if (owner === undefined && request.resource.resource !== 'pods') return;
    const about = owner === undefined ? itself(request) : ownedBy(owner, request);
    for (const message of plainSentences(warnings.slice(0, MAX_EVENTS)))
      events.record(about, { type: 'Warning', reason: 'DefaultsIncomplete', message });
  };

type Owner = Pick<OwnerReference, 'apiVersion' | 'kind' | 'name' | 'uid'>;

/** The controlling one, else the first. */
const ownerOf = (object: KubeObject): Owner | undefined => {
  const owners = listAt(object, ['metadata', 'ownerReferences']);
  const owner = owners.find((item) => readAt(item, ['controller']) === true) ?? owners[0];
  const [apiVersion, kind, name, uid] = ['apiVersion', 'kind', 'name', 'uid'].map((field) => textAt(owner, [field]));
  return apiVersion && kind && name && uid ? { apiVersion, kind, name, uid } : undefined;
};

const ownedBy = ({ apiVersion, kind, name, uid }: Owner, { namespace = '' }: AdmissionRequest): KubeObject => ({
  apiVersion,
  kind,
  metadata: { namespace, name, uid },
});

const itself = ({ object, namespace = '' }: AdmissionRequest): KubeObject => ({
  apiVersion: object.apiVersion,
  kind: object.kind,
  metadata: { namespace, name: object.metadata.name ?? (object.metadata.generateName ?? '').replace(/[-.]+$/, '') },
});
