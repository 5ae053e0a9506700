import type { KubeObject } from '../api/kubernetes.ts';
import { DEPLOYMENT_NAME } from '../api/names.ts';
import { settings } from '../settings/definitions.ts';
import { type InstallObject, type InstallOptions, labels, NAME } from './options.ts';

const API_VERSION = 'cert-manager.io/v1';
const AUTHORITY = `${NAME}-authority`;
export const SERVING = `${NAME}-serving`;
const MOUNT_PATH = '/certificates';

/** An authority that only signs for this namespace, and the serving certificate by it, both kept by cert-manager. */
export const certManagerObjects = ({ namespace }: InstallOptions): readonly KubeObject[] => [
  certManagerObject('Issuer', `${NAME}-self-signed`, namespace, { selfSigned: {} }),
  certManagerObject('Certificate', AUTHORITY, namespace, {
    isCA: true,
    commonName: AUTHORITY,
    secretName: AUTHORITY,
    duration: '87600h',
    privateKey: { algorithm: 'ECDSA', size: 256 },
    issuerRef: { kind: 'Issuer', name: `${NAME}-self-signed` },
  }),
  certManagerObject('Issuer', AUTHORITY, namespace, { ca: { secretName: AUTHORITY } }),
  certManagerObject('Certificate', SERVING, namespace, {
    secretName: SERVING,
    dnsNames: [`${NAME}.${namespace}.svc`, `${NAME}.${namespace}.svc.cluster.local`],
    duration: '2160h',
    renewBefore: '720h',
    privateKey: { algorithm: 'ECDSA', size: 256, rotationPolicy: 'Always' },
    issuerRef: { kind: 'Issuer', name: AUTHORITY },
  }),
];

/** What has the program serve from the files of cert-manager's Secret, and publish its authority. */
export const certificateSettings = [
  { name: settings.tlsCertFile.env, value: `${MOUNT_PATH}/tls.crt` },
  { name: settings.tlsKeyFile.env, value: `${MOUNT_PATH}/tls.key` },
  { name: settings.tlsCaFile.env, value: `${MOUNT_PATH}/ca.crt` },
] as const;
export const certificateMount = { name: 'certificates', mountPath: MOUNT_PATH, readOnly: true } as const;
export const certificateVolume = { name: 'certificates', secret: { secretName: SERVING } } as const;

/** The same as a strategic merge patch of the Deployment. */
export const certManagerPatch = ({ namespace }: InstallOptions): InstallObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: DEPLOYMENT_NAME, namespace },
  spec: {
    template: {
      spec: {
        containers: [{ name: NAME, env: certificateSettings, volumeMounts: [certificateMount] }],
        volumes: [certificateVolume],
      },
    },
  },
});

const certManagerObject = (
  kind: string,
  name: string,
  namespace: string,
  spec: Readonly<Record<string, unknown>>,
): InstallObject => ({ apiVersion: API_VERSION, kind, metadata: { name, namespace, labels }, spec });
