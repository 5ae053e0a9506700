import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../src/cli/program.ts';
import { createRecorder, noServers } from '../fixtures/command-line.ts';

const root = resolve(import.meta.dirname, '../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const PREFIX = 'npm run --silent quartermaster -- ';

const blocks = (language: string): readonly string[] =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, text]) => text ?? '');

const quartermaster = async (line: string): Promise<{ readonly code: number; readonly out: string }> => {
  const { terminal, written } = createRecorder();
  const code = await run(line.split(/\s+/), {}, terminal, noServers);
  return { code, out: written().out };
};

const commands = blocks('sh')
  .flatMap((block) => block.replaceAll('\\\n', ' ').split('\n'))
  .filter((line) => line.startsWith(PREFIX))
  .map((line) => line.slice(PREFIX.length).trim());

describe('README', () => {
  it.each(commands)('quartermaster %s', async (command) => {
    const { code, out } = await quartermaster(command);
    expect(code).toBe(0);
    expect(out).not.toBe('');
  });

  it.each(blocks('console'))('shows what is really printed: %s', async (block) => {
    const [command = '', ...lines] = block.split('\n');
    const { out } = await quartermaster(command.replace(`$ ${PREFIX}`, ''));
    expect(lines.join('\n').trimEnd()).toBe(
      out
        .split('\n')
        .filter((line) => line !== '')
        .join('\n')
        .trimEnd(),
    );
  });

  it.each([...readme.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path]) => path ?? ''))(
    'links to %s, which is there',
    (path) => {
      expect(existsSync(join(root, path))).toBe(true);
    },
  );

  const written = globSync('examples/**/*.yaml', { cwd: root }).filter((path) => !path.endsWith('.snapshot.yaml'));

  it.each(written)('takes the reader to %s', (path) => {
    expect(readme).toContain(path);
  });

  it('names only npm scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      readonly scripts: Record<string, string>;
    };
    const named = [...readme.matchAll(/npm run (?:--silent )?([a-z:-]+)/g)].map(([, name]) => name ?? '');
    for (const name of named) expect(scripts).toHaveProperty([name]);
  });
});
