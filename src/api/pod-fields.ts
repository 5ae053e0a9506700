import { choice, integer, list, listBy, map, object, open, required, text } from './schema.ts';

const quantities = (what: string) =>
  map(
    `${what} of each resource.`,
    text('A quantity, such as 500m or 2Gi.', {
      pattern: '^[0-9]+(\\.[0-9]+)?(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$',
      maxLength: 32,
    }),
    { maxProperties: 16 },
  );

type Fields = Readonly<Record<string, unknown>>;

/** Keys of `inject` for fields that every pod has one of. */
export const podFields = {
  priorityClassName: text('Name of the pods’ PriorityClass, which settles priority and preemptionPolicy.', {
    minLength: 1,
    maxLength: 253,
  }),
  schedulerName: text('Scheduler of the pods; default-scheduler on a pod counts as nothing said.', {
    minLength: 1,
    maxLength: 253,
  }),
  runtimeClassName: text('Name of the pods’ RuntimeClass.', { minLength: 1, maxLength: 253 }),
  terminationGracePeriodSeconds: integer('How long the pods have to end; 30 on a pod counts as nothing said.', {
    minimum: 1,
    maximum: 86_400,
    format: 'int64',
  }),
  affinity: object('A core/v1 Affinity; each of its parts by itself.', {
    nodeAffinity: open<Fields>('Nodes, as core/v1 NodeAffinity.'),
    podAffinity: open<Fields>('Near which pods, as core/v1 PodAffinity.'),
    podAntiAffinity: open<Fields>('Away from which pods, as core/v1 PodAntiAffinity.'),
  }),
  topologySpreadConstraints: list(
    'How pods are spread, by topologyKey and whenUnsatisfiable.',
    open<TopologySpreadConstraint>('A core/v1 TopologySpreadConstraint.', {
      maxSkew: required(integer('By how many pods two domains may differ.', { minimum: 1, format: 'int32' })),
      topologyKey: required(text('Label of nodes that tells domains apart.', { minLength: 1, maxLength: 317 })),
      whenUnsatisfiable: required(choice('Whether the pod waits.', 'DoNotSchedule', 'ScheduleAnyway')),
    }),
    { maxItems: 8 },
  ),
  dnsConfig: object('A core/v1 PodDNSConfig; each of its parts by itself.', {
    nameservers: list('Addresses of name servers.', text('An address.', { maxLength: 45 }), { maxItems: 3 }),
    searches: list('Domains that names are looked up in.', text('A domain.', { maxLength: 253 }), { maxItems: 32 }),
    options: list(
      'Options of the resolver.',
      object('One option.', {
        name: required(text('Its name.', { minLength: 1, maxLength: 63 })),
        value: text('Its value.', { maxLength: 63 }),
      }),
      { maxItems: 32 },
    ),
  }),
  securityContext: open<Fields>('A core/v1 PodSecurityContext; each of its fields by itself.'),
  containerSecurityContext: open<Fields>('A core/v1 SecurityContext of containers; each of its fields by itself.'),
  resources: object('What containers ask for and may use; each resource by itself.', {
    requests: quantities('The least'),
    limits: quantities('The most'),
  }),
  imagePullPolicy: choice(
    'When images are pulled. The API server fills it in before anybody is asked, so that it can only be enforced.',
    'Always',
    'IfNotPresent',
    'Never',
  ),
  imageRegistries: listBy(
    'from',
    'Where images come from instead: the beginning of an image’s whole name (docker.io/library/) and what stands in its place; the longest wins, tag and digest stay. For every container, and only enforced.',
    object('One beginning.', {
      from: required(text('As docker.io/ or quay.io/team/.', { pattern: '^[^/]+/.*', maxLength: 253 })),
      to: required(text('As registry.example.org/mirror/.', { pattern: '/$', maxLength: 253 })),
    }),
    { maxItems: 32 },
  ),
} as const;

export interface TopologySpreadConstraint extends Fields {
  readonly topologyKey: string;
  readonly whenUnsatisfiable: string;
}

/** The merge key of a constraint; a pod has one of each at most. */
export const spreadKey = ({ topologyKey, whenUnsatisfiable }: Fields): string =>
  `${String(topologyKey)}|${String(whenUnsatisfiable)}`;
