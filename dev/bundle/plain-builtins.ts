import type { Plugin } from 'esbuild';

const NAMESPACE = 'plain-builtin';

/**
 * Has the bundle take `node:http` and `node:process` without what nobody uses of them. An import statement reads every export of a
 * module of Node's. Some of these two are made when they are first read: a second HTTP client, the streams of a terminal.
 */
export const plainBuiltins: Plugin = {
  name: NAMESPACE,
  setup: (build) => {
    build.onResolve({ filter: /^(node:)?(http|process)$/ }, ({ path, kind }) =>
      kind === 'import-statement' ? { path: path.replace('node:', ''), namespace: NAMESPACE } : undefined,
    );
    build.onLoad({ filter: /./, namespace: NAMESPACE }, ({ path }) => ({ contents: shimOf(path) }));
  },
};

/** With the exports that are there from the start; the bundler names one that is not, where it is imported. */
const shimOf = (name: string): string => {
  const properties = Object.entries(Object.getOwnPropertyDescriptors(process.getBuiltinModule(name) ?? {}));
  const plain = properties.filter(([key, { get }]) => get === undefined && /^[a-z]\w*$/i.test(key));
  return `
    const builtin = process.getBuiltinModule('node:${name}');
    export default builtin;
    export const { ${plain.map(([key]) => key).join(', ')} } = builtin;
  `;
};
