import { createHash } from 'node:crypto';
import type { KubeObject } from '../api/kubernetes.ts';
import { plainText } from '../api/plain-text.ts';

/** Something to tell the owner of an object, in `kubectl describe`. */
export interface Note {
  readonly type: 'Normal' | 'Warning';
  /** One word in CamelCase, the same for the same thing. */
  readonly reason: string;
  /** One sentence; only the first 1024 characters are kept. */
  readonly message: string;
}

/** core/v1 Event. */
export interface EventObject extends KubeObject {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly count?: number;
  readonly firstTimestamp?: string;
  readonly lastTimestamp?: string;
  readonly involvedObject: Readonly<Record<string, string | undefined>>;
  readonly source: { readonly component: string };
  readonly reportingComponent: string;
  readonly reportingInstance: string;
}

const COMPONENT = 'quartermaster';
const MAX_MESSAGE_LENGTH = 1024;
const MAX_OBJECT_NAME_LENGTH = 230;

/**
 * The Event that says `note` about an object. The same note has the same name, whichever replica says it and whenever, so that
 * it is counted up instead of written again. Events about cluster-scoped objects go to the namespace default.
 */
export const eventOf = (about: KubeObject, note: Note, instance: string): Omit<EventObject, 'count'> => {
  const { namespace, name = '', uid, resourceVersion } = about.metadata;
  const { apiVersion, kind } = about;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: {
      name: `${name.slice(0, MAX_OBJECT_NAME_LENGTH)}.${fingerprint(about, note)}`,
      namespace: namespace || 'default',
    },
    involvedObject: { apiVersion, kind, namespace, name, uid, resourceVersion },
    type: note.type,
    reason: note.reason,
    message: plainText(note.message, MAX_MESSAGE_LENGTH),
    source: { component: COMPONENT },
    reportingComponent: COMPONENT,
    reportingInstance: instance,
  };
};

const fingerprint = ({ kind, metadata: { uid } }: KubeObject, { type, reason, message }: Note): string =>
  createHash('sha256')
    .update(JSON.stringify([kind, uid, type, reason, message]))
    .digest('hex')
    .slice(0, 16);

/** Now, as metav1.Time has it: without a fraction. */
export const eventTime = (): string => new Date().toISOString().replace(/\.\d+Z$/, 'Z');
