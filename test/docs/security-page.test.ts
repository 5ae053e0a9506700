import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const page = readFileSync('docs/security.md', 'utf8');
const [, attackers = ''] = /^## Who attacks$(.*?)^## /ms.exec(page) ?? [];
const [, section = ''] = /^## What a tenant could try$(.*?)^## /ms.exec(page) ?? [];

/** What is tried, and what tries it: files, each with the titles that follow it. */
const threats = rowsOf(section).map(([, attempt = '', , proofs = '']) => threatOf(attempt, proofs));
const attacks = rowsOf(attackers).map(([, attacker = '', , , proofs = '']) => threatOf(attacker, proofs));

/** Each table begins with its heads, and what is below those. */
function rowsOf(text: string): readonly (readonly string[])[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (attempt|attacker) /.test(line))
    .map((row) => row.split('|').map((cell) => cell.trim()));
}

function threatOf(attempt: string, proofs: string) {
  return { attempt, proofs: proofs.split('; ').map(proofOf) };
}

function proofOf(text: string): { readonly file: string; readonly titles: readonly string[] } {
  const [, file = ''] = /`(test\/[^`]+)`/.exec(text) ?? [];
  return { file, titles: [...text.matchAll(/“([^”]+)”/g)].map(([, title = '']) => title) };
}

describe('docs/security.md', () => {
  it('names what a tenant could try', () => {
    expect(threats.length).toBeGreaterThan(30);
  });

  it('names each of those who attack', () => {
    expect(attacks).toHaveLength(5);
  });

  it.each([...attacks, ...threats])('has a test for $attempt', ({ proofs }) => {
    for (const { file, titles } of proofs) {
      expect(file).not.toBe('');
      expect(existsSync(file), `${file} is there`).toBe(true);
      const text = titles.length > 0 ? readFileSync(file, 'utf8') : '';
      for (const title of titles) expect(text, `${file} has “${title}”`).toContain(title);
    }
  });
});
