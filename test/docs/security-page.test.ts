import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const page = readFileSync('docs/security.md', 'utf8');
const [, section = ''] = /^## What a tenant could try$(.*?)^## /ms.exec(page) ?? [];

/** What is tried, and what tries it: files, each with the titles that follow it. */
const threats = section
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| attempt'))
  .map((row) => row.split('|').map((cell) => cell.trim()))
  .map(([, attempt = '', , proofs = '']) => ({ attempt, proofs: proofs.split('; ').map(proofOf) }));

function proofOf(text: string): { readonly file: string; readonly titles: readonly string[] } {
  const [, file = ''] = /`(test\/[^`]+)`/.exec(text) ?? [];
  return { file, titles: [...text.matchAll(/“([^”]+)”/g)].map(([, title = '']) => title) };
}

describe('docs/security.md', () => {
  it('names what a tenant could try', () => {
    expect(threats.length).toBeGreaterThan(30);
  });

  it.each(threats)('has a test for the attempt to $attempt', ({ proofs }) => {
    for (const { file, titles } of proofs) {
      expect(file).not.toBe('');
      expect(existsSync(file), `${file} is there`).toBe(true);
      const text = titles.length > 0 ? readFileSync(file, 'utf8') : '';
      for (const title of titles) expect(text, `${file} has “${title}”`).toContain(title);
    }
  });
});
