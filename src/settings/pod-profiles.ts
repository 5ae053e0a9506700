import type { PodProfileOfPlatform } from '../api/facts.ts';
import { list, map, object, required, type Schema, text } from '../api/schema.ts';
import { LABEL_VALUE, violationsOfKeys } from './label-requirements.ts';
import { invalidItem, readYamlList } from './yaml-list.ts';

const names = (description: string) =>
  list(description, text('A name, with * and ?.', { minLength: 1, maxLength: 253, pattern: '^[-A-Za-z0-9._/*?]+$' }), {
    minItems: 1,
    maxItems: 32,
  });

const profile = object('What the platform knows of the pods of a framework of its own.', {
  name: required(text('What messages call it.', { minLength: 1, maxLength: 63 })),
  labels: required(
    map(
      'Labels by which the pods are known, all of them: their values, or none where any will do.',
      list('Values.', text('A label value.', { pattern: LABEL_VALUE }), { maxItems: 32 }),
      { minProperties: 1, maxProperties: 16 },
    ),
  ),
  main: names(
    'Containers that the user’s program runs in; the first where none is so called; those of the framework that it is known by where nothing is said.',
  ),
  helpers: names('Containers of the framework itself: sources of variables alone.'),
  untouched: names('Containers that are given nothing.'),
  reserved: object('What the framework keeps for itself.', {
    paths: names('Paths, and all below them.'),
    volumes: names('Volumes.'),
    env: names('Variables.'),
    labels: names('Labels and annotations.'),
  }),
});

const podProfiles: Schema<readonly PodProfileOfPlatform[]> = list(
  'Profiles; the first that fits a pod holds.',
  profile,
  { maxItems: 64 },
);

/** Reads POD_PROFILES. Throws AppError('InvalidSetting') with the first thing that is wrong, its field first. */
export const readPodProfiles = (yaml: string): readonly PodProfileOfPlatform[] => {
  const profiles = readYamlList(yaml, 'profiles', podProfiles);
  const everyPod = profiles.findIndex(({ labels }) => Object.keys(labels).length === 0);
  if (everyPod >= 0) throw invalidItem('profiles', `profiles[${everyPod}].labels: would fit every pod; name a label`);
  const [violation] = profiles.flatMap(({ labels }, at) =>
    violationsOfKeys(`profiles[${at}].labels`, Object.keys(labels)),
  );
  if (violation !== undefined) throw invalidItem('profiles', violation);
  return profiles;
};
