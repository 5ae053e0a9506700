import type { S3Service } from '../api/facts.ts';
import { choice, type Infer, list, map, object, required, type Schema, text } from '../api/schema.ts';
import { LABEL_VALUE, violationsOfKeys } from './label-requirements.ts';
import { s3Address } from './setting.ts';
import { invalidItem, readYamlList } from './yaml-list.ts';

const service = object('One S3 service.', {
  name: required(
    text('What ObjectStores call it in spec.s3.service.', {
      minLength: 1,
      maxLength: 63,
      pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
    }),
  ),
  endpoint: required(text('Its address, as https://s3.example.org.', { minLength: 1, maxLength: 2048 })),
  credentials: text('Secret in the system namespace, as that of S3_CREDENTIALS.', {
    maxLength: 253,
    pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$',
  }),
  region: text('Region that requests are signed for.', { maxLength: 64 }),
  addressing: choice('How it is told the bucket; path where nothing is said.', 'path', 'virtual'),
  namespaces: map(
    'Labels of the namespaces that it is for, and is taken in unasked; where there are none every namespace may name it.',
    text('A label value.', { pattern: LABEL_VALUE }),
    { maxProperties: 16 },
  ),
});

type Written = Infer<typeof service>;

const services: Schema<readonly Written[]> = list('S3 services.', service, { maxItems: 64 });

/** Reads S3_SERVICES. Throws AppError('InvalidSetting') with the first thing that is wrong, its field first. */
export const readS3Services = (yaml: string): readonly S3Service[] => {
  const written = readYamlList(yaml, 'services', services);
  const names = written.map(({ name }) => name);
  const twice = names.findIndex((name, index) => names.indexOf(name) !== index);
  if (twice >= 0) throw invalidItem('services', `services[${twice}].name: ${names[twice]} is there twice`);
  const [violation] = written.flatMap(({ namespaces = {} }, at) =>
    violationsOfKeys(`services[${at}].namespaces`, Object.keys(namespaces)),
  );
  if (violation !== undefined) throw invalidItem('services', violation);
  return written.map(toService);
};

const toService = (
  { name, endpoint, credentials, region, addressing = 'path', namespaces = {} }: Written,
  index: number,
): S3Service => ({
  name,
  endpoint: originOf(endpoint, index),
  ...(credentials !== undefined && { secretName: credentials }),
  ...(region !== undefined && { region }),
  forcePathStyle: addressing === 'path',
  namespaceLabels: namespaces,
});

const originOf = (endpoint: string, index: number): string => {
  try {
    return new URL(s3Address(endpoint)).origin;
  } catch {
    throw invalidItem(
      'services',
      `services[${index}].endpoint: is not an address such as https://s3.example.org without a path`,
    );
  }
};
