import { hash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = `${import.meta.dirname}/corpus`;

/** Inputs of a target that once were too much for the program, by name. */
export const readCorpus = (target: string): readonly (readonly [name: string, input: Buffer])[] => {
  const folder = join(ROOT, target);
  if (!existsSync(folder)) return [];
  return readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))] as const);
};

/** Keeps an input, named after its content. Gives the path of the file. */
export const keepInput = (target: string, input: Buffer): string => {
  const folder = join(ROOT, target);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, hash('sha256', input).slice(0, 16));
  writeFileSync(path, input);
  return path;
};
