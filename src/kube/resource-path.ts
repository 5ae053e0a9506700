import type { Resource } from './api-server.ts';

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

const withQuery = (path: string, query: Query): string => {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) given.set(name, String(value));
  return given.size === 0 ? path : `${path}?${given.toString()}`;
};

/** Where the objects of a resource are listed, watched and created. Namespaced ones without a namespace: in all of them. */
export const collectionPath = (resource: Resource, namespace = '', query: Query = {}): string => {
  const group = resource.group === '' ? '/api' : `/apis/${resource.group}`;
  const scope = resource.isNamespaced && namespace !== '' ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return withQuery(`${group}/${resource.version}${scope}/${resource.plural}`, query);
};

/** Where one object is. `subresource` begins with a slash (`/status`) or is empty. */
export const objectPath = (
  resource: Resource,
  { namespace, name }: { readonly namespace?: string | undefined; readonly name?: string | undefined },
  query: Query = {},
  subresource = '',
): string => withQuery(`${collectionPath(resource, namespace)}/${encodeURIComponent(name ?? '')}${subresource}`, query);

/** `apiVersion` of a resource's objects. */
export const apiVersionOf = ({ group, version }: Resource): string => (group === '' ? version : `${group}/${version}`);
