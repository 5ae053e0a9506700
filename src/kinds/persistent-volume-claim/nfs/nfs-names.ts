import { hash } from 'node:crypto';
import { GROUP } from '../../../api/names.ts';

/** Ending of a Service's name, which is a DNS label of RFC 1035 and so decides about all the others. */
const SUFFIX = '-nfs';
const MAX_LABEL_LENGTH = 63;
const DIGEST_LENGTH = 10;

/** Name of everything a class's NFS server consists of: `<class>-nfs`, with a digest where that is no DNS label. */
export const nfsServerName = (className: string): string =>
  isLabelStart(className) && className.length <= MAX_LABEL_LENGTH - SUFFIX.length
    ? className + SUFFIX
    : shorten(
        className.replaceAll(/[^a-z0-9-]/g, '-').replace(/^[^a-z]/, 'c'),
        className,
        MAX_LABEL_LENGTH - SUFFIX.length,
      ) + SUFFIX;

/** What the class names as its provisioner: a qualified name, as Kubernetes asks. */
export const nfsProvisioner = (className: string): string => `${GROUP}/${nfsServerName(className)}`;

/** The class as a label value, which holds 63 characters. */
export const nfsClassLabel = (className: string): string =>
  className.length <= MAX_LABEL_LENGTH ? className : shorten(className, className, MAX_LABEL_LENGTH);

const isLabelStart = (name: string): boolean => /^[a-z][a-z0-9-]*$/.test(name);

const shorten = (readable: string, whole: string, length: number): string => {
  const beginning = readable.slice(0, length - DIGEST_LENGTH - 1).replace(/[^a-z0-9]+$/, '');
  return `${beginning}-${hash('sha256', whole).slice(0, DIGEST_LENGTH)}`;
};
