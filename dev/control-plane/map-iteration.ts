import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const folder = 'vendor/github.com/modern-go/reflect2';

/** What reflect2 1.0.2 changed: since Go 1.18 the caller of reflect.mapiterinit supplies the iterator, of this size. */
const edits = [
  {
    file: 'unsafe_link.go',
    from: 'func mapiterinit(rtype unsafe.Pointer, m unsafe.Pointer) *hiter',
    to: 'func mapiterinit(rtype unsafe.Pointer, m unsafe.Pointer, it *hiter)',
  },
  {
    file: 'unsafe_link.go',
    from: '\t// rest fields are ignored\n',
    to: '\trest  [6]unsafe.Pointer\n\ttail  [4]uintptr\n',
  },
  {
    file: 'unsafe_map.go',
    from: '\treturn &UnsafeMapIterator{\n\t\thiter:      mapiterinit(type2.rtype, *(*unsafe.Pointer)(obj)),',
    to: '\tvar it hiter\n\tmapiterinit(type2.rtype, *(*unsafe.Pointer)(obj), &it)\n\treturn &UnsafeMapIterator{\n\t\thiter:      &it,',
  },
] as const;

/**
 * Kubernetes 1.20 carries reflect2 1.0.1, which Go 1.18 and later break: the API server dies of a fault when the first
 * custom resource is written. Debian's Go is 1.19, so the fix of 1.0.2 goes into the unpacked tree.
 */
export async function mendMapIteration(tree: string): Promise<void> {
  for (const { file, from, to } of edits) {
    const path = join(tree, folder, file);
    const text = await readFile(path, 'utf8');
    if (!text.includes(from)) throw new Error(`${path} is not the file of reflect2 1.0.1 that is to be mended.`);
    await writeFile(path, text.replace(from, to));
  }
}
