/** One apt repository as the system's sources name it. `signedBy` is a keyring's path or a whole key, as sources.list(5) allows. */
export type AptSource = {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  readonly signedBy?: string;
  readonly trusted?: string;
};

const releases = ['stable', 'oldstable', 'oldoldstable', 'testing', 'unstable', 'sid'];

/** Reads a `.list` file: `deb [options] uri suite component...`, one source a line (sources.list(5)). */
export function parseOneLineSources(text: string): readonly AptSource[] {
  return text.split('\n').flatMap(parseLine);
}

function parseLine(line: string): readonly AptSource[] {
  const match = /^\s*deb(?:-src)?\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+([^#]+)/.exec(line);
  if (match === null) return [];
  const [, optionText = '', uri = '', rest = ''] = match;
  const options = new Map(words(optionText).map((option) => cut(option, '=')));
  const [suite = '', ...components] = words(rest);
  return [{ uri, suites: [suite], components, ...trust(options.get('signed-by'), options.get('trusted')) }];
}

/** Reads a deb822 `.sources` file: stanzas of `Field: value`, continued on indented lines (sources.list(5)). */
export function parseDeb822Sources(text: string): readonly AptSource[] {
  const withoutComments = text.replaceAll(/^#.*\n?/gm, '');
  return withoutComments.split(/\n\s*\n/).flatMap(parseStanza);
}

function parseStanza(stanza: string): readonly AptSource[] {
  const fields = new Map(
    stanza
      .split(/\n(?![ \t])/)
      .filter((field) => field.includes(':'))
      .map((field) => cut(field, ':')),
  );
  if (/^(no|false|0|off)$/i.test(fields.get('enabled') ?? 'yes')) return [];
  const shared = {
    suites: words(fields.get('suites')),
    components: words(fields.get('components')),
    ...trust(fields.get('signed-by'), fields.get('trusted')),
  };
  return words(fields.get('uris')).map((uri) => ({ uri, ...shared }));
}

/** Those of the sources that can be Debian's main archive, the likeliest first: a third party may name its suite after a release too. */
export function debianArchives(sources: readonly AptSource[], codename: string): readonly AptSource[] {
  return sources
    .filter((source) => source.components.includes('main') && !source.uri.startsWith('cdrom:'))
    .filter((source) => source.suites.some((suite) => suite === codename || releases.includes(suite)))
    .toSorted((left, right) => doubt(left) - doubt(right));
}

function doubt(source: AptSource): number {
  if (source.signedBy?.includes('debian-archive-keyring')) return 0;
  return /\/debian\/?$/.test(source.uri) ? 1 : 2;
}

/** A deb822 stanza that gives the source packages of one suite from the same place, under the same key. */
export function sourcePackages(source: AptSource, suite: string): string {
  const fields = [`Types: deb-src`, `URIs: ${source.uri}`, `Suites: ${suite}`, `Components: main`];
  if (source.signedBy !== undefined) fields.push(`Signed-By: ${source.signedBy}`);
  if (source.trusted !== undefined) fields.push(`Trusted: ${source.trusted}`);
  return `${fields.join('\n')}\n`;
}

function trust(signedBy: string | undefined, trusted: string | undefined): Pick<AptSource, 'signedBy' | 'trusted'> {
  return { ...(signedBy !== undefined && { signedBy }), ...(trusted !== undefined && { trusted }) };
}

function words(text = ''): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

function cut(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return [
    text.slice(0, at).trim().toLowerCase(),
    text
      .slice(at + 1)
      .trimEnd()
      .replace(/^[ \t]+/, ''),
  ];
}
