import { choice, flag, type Infer, list, listBy, map, object, required, type Schema, text } from '../../api/schema.ts';
import { CLOUD_NAMES } from '../../settings/definitions.ts';

/** A value of any type. */
const any = (description: string): Schema<unknown> => ({ json: { description } });

const labels = map('Labels.', text('Value of the label.'));

const given = object('What is there. What a test gives goes besides, or in place of, what its file gives.', {
  defaults: list(
    'PlatformDefaults that hold: paths of files and folders beside this file, or objects.',
    any('A path, or a PlatformDefaults.'),
  ),
  cloud: choice('The cloud; unknown where nothing is said.', ...CLOUD_NAMES, 'unknown'),
  facts: map('What is known of it, such as region.', text('Value of the fact.')),
  csiDrivers: list('CSI drivers; the usual ones of the cloud where nothing is said.', text('Name of a driver.')),
  settings: map('Settings, by their names in the environment.', text('Value of the setting.')),
  namespaces: map('Namespaces that are there, by name, with their labels.', labels),
  objects: list('Objects that are there: paths of files and folders, or objects.', any('A path, or an object.')),
});

const when = object('What is applied.', {
  object: any('What is applied: a path, or an object. Of a file with several objects, all in order.'),
  objects: list('Several, in order.', any('A path, or an object.')),
  operation: choice('What it must be; what follows from `old` where nothing is said.', 'CREATE', 'UPDATE'),
  old: any('What is stored already of the same name, so that it is an UPDATE: a path, or an object.'),
  user: text('Who applies it; ${user} is filled in from that.'),
  namespace: text('Namespace of objects that name none; default where nothing is said.'),
});

const fields = map(
  'What the object has, by path: spec.driver.env[name=HTTP_PROXY].value, metadata.labels.team. A key may hold dots.',
  any('The value.'),
);
const absent = list('What the object does not have, by path.', text('A path.'));

const made = object('An object that is made for it.', {
  kind: required(text('Its kind.')),
  name: text('Its name; any where nothing is said.'),
  fields,
  absent,
});

const expectedFields = {
  allowed: flag('Whether it is taken; true where nothing is said and nothing is `refused`.'),
  refused: text('It is refused, with a sentence that holds this.'),
  notInForce: text('Of a PlatformDefaults: it is stored and not in force, for a reason that holds this.'),
  unchanged: flag('True: nothing is changed. False: something is.'),
  fields,
  absent,
  warnings: list('Every warning, each by a part of it; none where the list is empty.', text('A part of a warning.')),
  makes: list('Every object that is made for it: classes, claims and the like; none where the list is empty.', made),
  snapshot: flag('All of it is what it was when snapshots were last written (--update).'),
};

const expected = object('What comes of the last object that is applied.', expectedFields);
const expectedOf = object('What comes of another.', {
  of: required(
    text(
      'Which object, as Kind or Kind/name: one of those applied, or one that they make by themselves, such as a pod.',
    ),
  ),
  ...expectedFields,
});

const test = object('One test.', {
  name: required(text('What it shows, as a sentence.', { minLength: 1, maxLength: 200 })),
  given,
  when: required(when),
  // biome-ignore lint/suspicious/noThenProperty: given, when, then is how tests are told; nobody awaits a schema.
  then: required(expected),
  also: list('What comes of others of them.', expectedOf),
});

/** The schema of a file of policy tests. */
export const policyTests = object('Tests of PlatformDefaults, for `quartermaster test`.', {
  given,
  tests: required(listBy('name', 'The tests.', test)),
});

export type PolicyTests = Infer<typeof policyTests>;
export type PolicyTest = Infer<typeof test>;
export type Given = Infer<typeof given>;
export type Expected = Infer<typeof expected>;
export type Made = Infer<typeof made>;
