import type { AddedContainer, InjectSpec } from '../../api/inject-spec.ts';
import type { PlatformDefaultsSpec } from '../../api/platform-defaults.ts';
import { listAt, mapAt, textAt, type UnknownRecord } from '../../injection/path.ts';
import { resourceViolations, subPathViolations } from './container-rules.ts';
import { coreViolations } from './core-v1.ts';
import { dnsLabel } from './names.ts';

/** What only a container has that goes on beside the others. */
const OF_SIDECARS = ['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle'];

/** Lists of `inject` that add containers. */
export const CONTAINER_LISTS = ['initContainers', 'sidecars'] as const;
export type ContainerList = (typeof CONTAINER_LISTS)[number];

/** What the API server would refuse of the containers that are added to pods, or what would come to nothing. */
export const addedContainerViolations = (inject: InjectSpec): readonly string[] => {
  const others = new Set(inject.initContainers?.map(({ name }) => name));
  return [
    ...CONTAINER_LISTS.flatMap((list) =>
      (inject[list] ?? []).flatMap((container, at) =>
        containerViolations(container, list).map((violation) => `spec.inject.${list}[${at}]${violation}`),
      ),
    ),
    ...(inject.sidecars ?? []).flatMap(({ name }, at) =>
      others.has(name) ? [`spec.inject.sidecars[${at}].name: "${name}" is one of spec.inject.initContainers too`] : [],
    ),
  ];
};

/** The same of `spec.templates`. */
export const templateViolations = ({ templates = [] }: PlatformDefaultsSpec): readonly string[] =>
  templates.flatMap((template, at) =>
    containerViolations(template).map((violation) => `spec.templates[${at}]${violation}`),
  );

/** What a tenant may not say: a container is the platform's, and its pods may do what their author may not. */
export const tenantContainerViolations = (inject: InjectSpec | undefined, only: string): readonly string[] =>
  CONTAINER_LISTS.flatMap((list) =>
    (inject?.[list] ?? []).flatMap(({ name: _, template, ...own }, at) => {
      const field = `spec.inject.${list}[${at}]`;
      if (template === undefined)
        return [`${field}: a container of one’s own ${only}; name a template of the platform`];
      const [first] = Object.keys(own);
      return first === undefined ? [] : [`${field}.${first}: ${only}; a template is taken as it is`];
    }),
  );

/** What is wrong with one container of a list, or with a template for either: its field, and a sentence. */
export const containerViolations = (container: AddedContainer, list?: ContainerList): readonly string[] => {
  const { template, ...own } = container;
  const { name, image } = own;
  return [
    ...(dnsLabel.accepts(name) ? [] : [`.name: "${name}" is not ${dnsLabel.title}`]),
    ...(template?.includes('${') ? ['.template: takes no variables; name one of spec.templates'] : []),
    ...(template === undefined && !image ? ['.image: is required; say which image it runs'] : []),
    ...(container.restartPolicy === undefined
      ? []
      : ['.restartPolicy: follows from the list; add what goes on beside the others to spec.inject.sidecars']),
    ...(list === 'initContainers' ? OF_SIDECARS : [])
      .filter((key) => container[key] !== undefined)
      .map((key) => `.${key}: an init container has none; add it to spec.inject.sidecars`),
    ...coreViolations('Container', own, ''),
    ...ruleViolations({ ...own }),
  ];
};

/** Of what is as core/v1 has it. */
const ruleViolations = (container: UnknownRecord): readonly string[] => [
  ...resourceViolations(mapAt(container, ['resources'])).map((violation) => `.resources${violation}`),
  ...listAt(container, ['volumeMounts']).flatMap((mount, at) =>
    subPathViolations(textAt(mount, ['subPath'])).map((violation) => `.volumeMounts[${at}].subPath: ${violation}`),
  ),
];
