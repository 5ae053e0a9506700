import {
  CALRISSIAN_ENABLED,
  CALRISSIAN_LABEL,
  CERTIFICATE_SECRET,
  GROUP,
  IN_USE_FINALIZER,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  NFS_CLASS_LABEL,
  OBJECT_STORE_GROUP,
  PROVISIONED_LABEL,
  SHIPPED_ROLES,
  VOLUME_PROVISIONER_ANNOTATION,
} from '../api/names.ts';
import { objectStoreSpec } from '../api/object-store.ts';
import { EVENT_COMPONENT } from '../controller/events.ts';
import { type InstallObject, labels, NAME, NFS_NAMESPACE } from './options.ts';

/** One expression of CEL that must be true, and what its refusal says. */
interface Validation {
  readonly expression: string;
  readonly message: string;
}

interface Policy {
  readonly name: string;
  /** CEL over `request`: whose requests it looks at. */
  readonly whose: string;
  readonly rules: readonly Rule[];
  readonly variables?: Readonly<Record<string, string>>;
  readonly validations: readonly Validation[];
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly apiVersions: readonly string[];
  readonly resources: readonly string[];
  readonly operations: readonly string[];
}

const writes = (group: string, resources: string): Rule => ({
  apiGroups: [group],
  apiVersions: ['*'],
  resources: resources.split(' '),
  operations: ['CREATE', 'UPDATE', 'DELETE'],
});

const labelOf = (object: string): string => `${object}.metadata.?labels[?'${MANAGED_BY_LABEL}'].orValue('')`;
const on = (resource: string, expression: string): string =>
  `request.resource.resource != '${resource}' || request.operation == 'DELETE' || ${expression}`;
const onUpdate = (resource: string, expression: string): string =>
  `request.resource.resource != '${resource}' || request.operation != 'UPDATE' || ${expression}`;
/** What is written without being labelled, within rules of its own. */
const HAS_OWN_RULES = `request.resource.resource in ['persistentvolumes', 'objectstores', 'events']`;
const othersFinalizers = (object: string): string =>
  `${object}.metadata.?finalizers.orValue([]).filter(finalizer, finalizer != '${IN_USE_FINALIZER}')`;
/** What an ObjectStore names is somebody else's: it is kept, and let go, by a finalizer. */
const IS_OUR_FINALIZER_ALONE = `(request.resource.resource in ['secrets', 'configmaps'] && request.operation == 'UPDATE' && ['data', 'binaryData', 'type', 'immutable'].all(field, object[?field] == oldObject[?field]) && ['labels', 'annotations', 'ownerReferences'].all(field, object.metadata[?field] == oldObject.metadata[?field]) && ${othersFinalizers('object')} == ${othersFinalizers('oldObject')})`;
/** That of claims: nothing else that has one is among the rules. */
const IS_STATUS = `request.?subResource.orValue('') == 'status'`;
/** What our webhook puts in when the finalizer is written, where an ObjectStore was stored while no replica answered. */
const FILLED_FIELDS: ReadonlySet<string> = new Set(['provider', 'location', 'labels', 's3']);
const KEPT_FIELDS = Object.keys(objectStoreSpec.json.properties ?? {}).filter((field) => !FILLED_FIELDS.has(field));
const isSaidByUs = (event: string): string => `${event}.?reportingComponent.orValue('') == '${EVENT_COMPONENT}'`;
const STATUS = `authorizer.group('${GROUP}').resource('platformdefaults').subresource('status')`;
/**
 * Whoever runs as us, in whatever namespace and with whatever prefix and suffix that is: kustomize renames the subject of our
 * ClusterRoleBinding and no text. Wildcards allow the status of PlatformDefaults too, hence the name; who may do all with it is an
 * administrator, who could take this policy away.
 */
const IS_OURSELVES = `request.userInfo.username.matches('^system:serviceaccount:[^:]+:[^:]*${NAME}[^:]*$') && ${STATUS}.check('patch').allowed() && !${STATUS}.check('*').allowed()`;
/** Of whoever that holds for. */
const ACCOUNT = `request.userInfo.username.split(':')[3]`;
/** A role of the install is named as the account is, which is what `installedName` goes by. */
const isBoundIn = (place: string, role: string): string =>
  `(${place} && object.roleRef.name == ${ACCOUNT}.replace('${NAME}', '${role}', 1))`;
const IN_OWN_NAMESPACE = `request.userInfo.username.startsWith('system:serviceaccount:' + request.namespace + ':')`;
const isOfObjectStore = `object.?type.orValue('Opaque') == 'Opaque' && object.metadata.?ownerReferences.orValue([]).exists(owner, owner.kind == 'ObjectStore' && owner.apiVersion.startsWith('${OBJECT_STORE_GROUP}/'))`;
const isLabelledProvisioned = (object: string): string =>
  `${object}.metadata.?labels[?'${PROVISIONED_LABEL}'].orValue('') == 'true'`;
/** One that is let go loses the label. */
const isProvisioned = `${isLabelledProvisioned('object')} || (oldObject != null && ${isLabelledProvisioned('oldObject')})`;
/** What the agent of an NFS server wants to be shown. */
const isOfNfsServer = `request.namespace == '${NFS_NAMESPACE}' && object.?type.orValue('Opaque') == 'Opaque' && object.metadata.?labels[?'${NFS_CLASS_LABEL}'].hasValue()`;
const isOwnCertificate = `${IN_OWN_NAMESPACE} && object.metadata.name == '${CERTIFICATE_SECRET}'`;
const POD = 'object.spec.template.spec';
/** What Ganesha needs: see the Deployments of NFS servers, SYS_RESOURCE for nfs-provisioner's. All but two are what any container has. */
const NFS_CAPABILITIES = `['CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'SETGID', 'SETUID', 'SYS_RESOURCE']`;
/** True for a volume that an NFS server of ours, or nfs-provisioner in one, made. */
const isNfsVolume = (volume: string): string =>
  `(has(${volume}.spec.nfs) && ${volume}.metadata.?annotations[?'${VOLUME_PROVISIONER_ANNOTATION}'].orValue('').startsWith('${GROUP}/'))`;

/**
 * What roles cannot say about Quartermaster's own account. A role names kinds, not which of their objects: with roles alone whoever
 * takes over a replica could change any ConfigMap, have a token made for any service account and mount any node's disk.
 */
const ownAccount: Policy = {
  name: `${NAME}-account`,
  whose: IS_OURSELVES,
  rules: [
    writes('', 'secrets configmaps services serviceaccounts'),
    writes('', 'persistentvolumes persistentvolumeclaims persistentvolumeclaims/status events'),
    writes(OBJECT_STORE_GROUP, 'objectstores'),
    writes('networking.k8s.io', 'networkpolicies'),
    writes('apps', 'deployments'),
    writes('policy', 'poddisruptionbudgets'),
    writes('storage.k8s.io', 'storageclasses'),
    writes('rbac.authorization.k8s.io', 'rolebindings'),
  ],
  validations: [
    {
      expression: `oldObject == null || ${labelOf('oldObject')} == '${MANAGED_BY}' || ${HAS_OWN_RULES} || ${IS_STATUS} || ${IS_OUR_FINALIZER_ALONE}`,
      message: `Quartermaster changes and deletes only what is labelled ${MANAGED_BY_LABEL}=${MANAGED_BY}, but for its finalizer ${IN_USE_FINALIZER}.`,
    },
    {
      expression: `request.operation != 'CREATE' || ${labelOf('object')} == '${MANAGED_BY}' || request.resource.resource == 'events'`,
      message: `Quartermaster makes only what it labels ${MANAGED_BY_LABEL}=${MANAGED_BY}.`,
    },
    {
      expression: `request.resource.resource != 'persistentvolumes' || ((object == null || ${isNfsVolume('object')}) && (oldObject == null || ${isNfsVolume('oldObject')}))`,
      message: 'Quartermaster makes, changes and deletes the volumes of its NFS servers, and no others.',
    },
    {
      expression: onUpdate(
        'persistentvolumeclaims',
        `request.namespace == '${NFS_NAMESPACE}' || object.spec == oldObject.spec`,
      ),
      message: 'Quartermaster changes nothing of what a claim asks for, but for the disks of its NFS servers.',
    },
    {
      expression: onUpdate(
        'objectstores',
        `${JSON.stringify(KEPT_FIELDS)}.all(field, object.spec[?field] == oldObject.spec[?field]) && (!oldObject.spec.?s3.?endpoint.hasValue() || object.spec.?s3 == oldObject.spec.?s3)`,
      ),
      message: 'Quartermaster changes nothing of what an ObjectStore asks for.',
    },
    {
      expression: on('events', `${isSaidByUs('object')} && (oldObject == null || ${isSaidByUs('oldObject')})`),
      message: 'Quartermaster makes and changes Events of its own alone.',
    },
    {
      expression: on(
        'secrets',
        `!(object.?type.orValue('Opaque') in ['kubernetes.io/service-account-token', 'bootstrap.kubernetes.io/token'])`,
      ),
      message: 'Quartermaster makes no tokens.',
    },
    {
      expression: on(
        'secrets',
        `(${isOfObjectStore}) || (${isProvisioned}) || (${isOfNfsServer}) || (${isOwnCertificate}) || ${IS_OUR_FINALIZER_ALONE}`,
      ),
      message:
        'Quartermaster makes Secrets for the access of an ObjectStore, which are Opaque and owned by it, copies that PlatformDefaults provision, for NFS servers, and its own certificate.',
    },
    {
      expression: on(
        'rolebindings',
        `${isBoundIn(`request.namespace == '${NFS_NAMESPACE}'`, SHIPPED_ROLES.nfsServer)} || ${isBoundIn(IN_OWN_NAMESPACE, SHIPPED_ROLES.failClosed)} || namespaceObject.metadata.?labels[?'${CALRISSIAN_LABEL}'].orValue('') == '${CALRISSIAN_ENABLED}'`,
      ),
      message: `Quartermaster hands out roles in namespaces labelled ${CALRISSIAN_LABEL}=${CALRISSIAN_ENABLED}, to its NFS servers, and its own to fail closed.`,
    },
    {
      expression: on('rolebindings', `object.?subjects.orValue([]).all(subject, subject.kind == 'ServiceAccount')`),
      message: 'Quartermaster hands out roles to service accounts alone.',
    },
    {
      expression: on(
        'deployments',
        `!(${POD}.?hostNetwork.orValue(false) || ${POD}.?hostPID.orValue(false) || ${POD}.?hostIPC.orValue(false)) && ${POD}.?volumes.orValue([]).all(volume, has(volume.persistentVolumeClaim) || has(volume.emptyDir)) && ${POD}.?initContainers.orValue([]).size() == 0`,
      ),
      message: 'An NFS server mounts its claim and nothing of the node.',
    },
    {
      expression: on(
        'deployments',
        `${POD}.containers.all(container, !container.?securityContext.?privileged.orValue(false) && container.?securityContext.?capabilities.?add.orValue([]).all(capability, capability in ${NFS_CAPABILITIES}))`,
      ),
      message: 'An NFS server has few capabilities and is not privileged.',
    },
  ],
};

/** The accounts of the NFS servers may make volumes, which have no namespace: without this one of a node's disk too. */
const nfsServers: Policy = {
  name: `${NAME}-nfs-servers`,
  whose: `request.userInfo.username.startsWith('system:serviceaccount:${NFS_NAMESPACE}:')`,
  rules: [writes('', 'persistentvolumes persistentvolumeclaims')],
  variables: {
    volume: `request.operation == 'DELETE' ? oldObject : object`,
    // A server is named as its account and its provisioner are.
    provisioner: `'${GROUP}/' + request.userInfo.username.split(':')[3]`,
  },
  validations: [
    {
      expression: `request.resource.resource != 'persistentvolumes' || (has(variables.volume.spec.nfs) && variables.volume.metadata.?annotations[?'${VOLUME_PROVISIONER_ANNOTATION}'].orValue('') == variables.provisioner)`,
      message: 'An NFS server makes and deletes the NFS volumes it provisions, and no others.',
    },
    {
      expression: `request.resource.resource != 'persistentvolumeclaims' || (request.operation == 'UPDATE' && object.spec == oldObject.spec)`,
      message: 'An NFS server changes nothing of what a claim asks for.',
    },
  ],
};

/** The policies, each with its binding. */
export const accountPolicies = (): readonly InstallObject[] => [ownAccount, nfsServers].flatMap(policyAndBinding);

const API_VERSION = 'admissionregistration.k8s.io/v1';

const policyAndBinding = ({ name, whose, rules, variables = {}, validations }: Policy): readonly InstallObject[] => [
  {
    apiVersion: API_VERSION,
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name, labels },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: rules.map((rule) => ({ ...rule, scope: '*' })),
        matchPolicy: 'Equivalent',
        namespaceSelector: {},
        objectSelector: {},
      },
      matchConditions: [{ name: 'whose', expression: whose }],
      ...(Object.keys(variables).length > 0 && {
        variables: Object.entries(variables).map(([variable, expression]) => ({ name: variable, expression })),
      }),
      validations: validations.map((validation) => ({ ...validation, reason: 'Forbidden' })),
    },
  },
  {
    apiVersion: API_VERSION,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name, labels },
    spec: { policyName: name, validationActions: ['Deny'] },
  },
];
