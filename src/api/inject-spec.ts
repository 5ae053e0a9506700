import type { Volume } from './kubernetes.ts';
import { choice, flag, integer, list, map, object, open, required, set, text } from './schema.ts';

/** Name of another object. */
export const named = (what: string) => text(`Name of ${what}.`, { minLength: 1, maxLength: 253 });

const needsValues = {
  rule: "self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : !has(self.values) || size(self.values) == 0",
  message: 'In and NotIn need values; Exists and DoesNotExist take none',
};

const requirement = object(
  'One requirement; all of them must hold.',
  {
    key: required(text('Label key.', { minLength: 1, maxLength: 317 })),
    operator: required(choice('How the label is compared with values.', 'In', 'NotIn', 'Exists', 'DoesNotExist')),
    values: list('For In and NotIn: the label values.', text('A label value.', { maxLength: 63 }), { maxItems: 64 }),
  },
  [needsValues],
);

export const labelSelector = (description: string) =>
  object(description, {
    matchLabels: map(
      'Labels that must be there with exactly these values.',
      text('A label value.', { maxLength: 63 }),
      {
        maxProperties: 64,
      },
    ),
    matchExpressions: list('Requirements beyond equality.', requirement, { maxItems: 32 }),
  });

export const envVar = object('A core/v1 EnvVar: value or valueFrom.', {
  name: required(text('Name of the variable.', { minLength: 1, maxLength: 253 })),
  value: text('Its value; ${variables} are filled in.', { maxLength: 32_768 }),
  valueFrom: open<Readonly<Record<string, unknown>>>('Where the value comes from, as core/v1 EnvVarSource.'),
});

const sourceRef = (description: string) =>
  object(description, {
    name: required(text('Its name, in the namespace of the object.', { minLength: 1, maxLength: 253 })),
    optional: flag('False: the container does not start without it. True where nothing is said.'),
  });

export const envFromSource = object(
  'A core/v1 EnvFromSource: exactly one of configMapRef and secretRef.',
  {
    prefix: text('Put before the name of each variable.', { maxLength: 253 }),
    configMapRef: sourceRef('The ConfigMap whose keys become variables.'),
    secretRef: sourceRef('The Secret whose keys become variables.'),
  },
  [
    {
      rule: 'has(self.configMapRef) != has(self.secretRef)',
      message: 'give exactly one of configMapRef and secretRef',
    },
  ],
);

export const volume = open<Volume>('A core/v1 Volume: its name and one source.', {
  name: required(text('Name of the volume, a DNS label.', { minLength: 1, maxLength: 63 })),
});

export const volumeMount = object('A core/v1 VolumeMount of one of inject.volumes.', {
  name: required(text('Name of one of inject.volumes.', { minLength: 1, maxLength: 63 })),
  mountPath: required(text('Absolute path in the container.', { pattern: '^/', maxLength: 4096 })),
  subPath: text('Path inside the volume to mount instead of its root.', { maxLength: 4096 }),
  readOnly: flag('True: the container cannot write there.'),
});

export const fileMount = (what: string) =>
  object(`A ${what} mounted as files.`, {
    name: required(text(`Name of the ${what}, in the namespace of the object.`, { minLength: 1, maxLength: 253 })),
    mountPath: required(text('Absolute path in the container.', { pattern: '^/', maxLength: 4096 })),
  });

export const toleration = object('A core/v1 Toleration.', {
  key: text('Taint key; empty with operator Exists: every taint.', { maxLength: 317 }),
  operator: choice('How value is compared; Equal where nothing is said.', 'Exists', 'Equal'),
  value: text('Taint value.', { maxLength: 63 }),
  effect: choice('Taint effect; every effect where nothing is said.', 'NoSchedule', 'PreferNoSchedule', 'NoExecute'),
  tolerationSeconds: integer('For NoExecute: how long the taint is borne.', { format: 'int64' }),
});

export const claimSpec = object('The part of core/v1 PersistentVolumeClaimSpec that can be provisioned.', {
  accessModes: required(
    set(
      'How the volume can be mounted.',
      choice('An access mode.', 'ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod'),
      { minItems: 1 },
    ),
  ),
  resources: required(
    object('What the volume must have.', {
      requests: required(
        object('The least it must have.', {
          storage: required(
            text('Size, such as 10Gi.', {
              pattern: '^[0-9]+(\\.[0-9]+)?(k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$',
              maxLength: 32,
            }),
          ),
        }),
      ),
    }),
  ),
  storageClassName: text('StorageClass; the cluster default where nothing is said.', { maxLength: 253 }),
  volumeMode: choice('Filesystem where nothing is said.', 'Filesystem', 'Block'),
});
