import { readFile } from 'node:fs/promises';
import { run } from './control-plane/command.ts';

/** An image by its name and tag, and no digest. */
const BASE = /^ARG (\w+_IMAGE)=([^\s@]+:[^\s@:]+)$/gm;

/** What a Dockerfile is built from: images by the build arguments that stand for them. Throws an Error where a stage names one itself. */
export const baseImages = (dockerfile: string): ReadonlyMap<string, string> => {
  const bases = new Map([...dockerfile.matchAll(BASE)].map(([, name = '', image = '']) => [name, image]));
  const stages = new Set<string>();
  for (const [line, keyword, source = '', , stage] of dockerfile.matchAll(
    /^(FROM |COPY --from=|# *syntax=)(\S+)( AS (\S+))?.*$/gm,
  )) {
    const [, argument = ''] = /^\$\{(\w+)\}$/.exec(source) ?? [];
    if (!stages.has(source) && !(keyword === 'FROM ' && bases.has(argument)))
      throw new Error(
        `"${line}" takes an image of its own: name it by an ARG above the first stage, as ARG X_IMAGE=image:tag.`,
      );
    if (stage !== undefined) stages.add(stage);
  }
  return bases;
};

/** Build arguments that name each by its digest besides, one a line: what the registry has under the tag at this moment, for all platforms. */
export const pinned = async (dockerfile: string): Promise<string> => {
  const lines: string[] = [];
  for (const [argument, image] of baseImages(dockerfile)) {
    const inspect = ['buildx', 'imagetools', 'inspect', image, '--format', '{{json .Manifest}}'];
    const { digest } = JSON.parse(await run('docker', inspect, { timeoutMs: 60_000 })) as { readonly digest?: unknown };
    if (typeof digest !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(digest))
      throw new Error(`docker tells no digest of ${image}, but ${JSON.stringify(digest)}.`);
    lines.push(`${argument}=${image}@${digest}\n`);
  }
  return lines.join('');
};

const [file] = process.argv.slice(2);
if (import.meta.main && file !== undefined) process.stdout.write(await pinned(await readFile(file, 'utf8')));
