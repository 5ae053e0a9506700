/** Markup that is safe to send. */
export interface Html {
  readonly markup: string;
}

type Part = Html | string | number | undefined | readonly Part[];

/** Markup with values in it: texts are escaped, markup and lists of it are not, what is undefined is nothing. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Html => ({
  markup: strings.map((text, index) => text + markupOf(parts[index])).join(''),
});

const markupOf = (part: Part): string => {
  if (part === undefined) return '';
  if (typeof part === 'string' || typeof part === 'number') return escapeHtml(String(part));
  return 'markup' in part ? part.markup : part.map(markupOf).join('');
};

const escapeHtml = (text: string): string => text.replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);

/** A path of the page with parameters; empty ones are left out. */
export const linkTo = (path: string, parameters: Readonly<Record<string, string>>): string => {
  const given = Object.entries(parameters).filter(([, value]) => value !== '');
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`;
};

/** Where it is told why an object is as it is. Kinds of two groups can be called alike. */
export const linkToWhy = ({ kind, group, namespace, name }: StoredObject): string =>
  linkTo('/why', { kind: group === '' ? kind : `${kind}.${group}`, namespace, name });

interface StoredObject {
  readonly kind: string;
  readonly group: string;
  readonly namespace: string;
  readonly name: string;
}
