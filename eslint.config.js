// The type-aware rules Biome does not have, and the directions imports may take. Biome does the rest.
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import { importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** What tells of ourselves, for everybody above the floor. */
const telling = ['ops/log.ts', 'ops/metrics.ts'];
/** What each room may import besides itself. Anything not listed is refused: `main > server, cli > kinds, defaults > injection, clouds > controller, kube, settings > api`. */
const rooms = {
  api: [],
  settings: ['api'],
  kube: ['api'],
  clouds: ['api', 'kube/bounded-text.ts'],
  'storage-classes': ['api'],
  'nfs-server': ['admission/http-parser.ts', 'api', 'kube/bounded-text.ts'],
  injection: ['api'],
  certificates: ['api', 'kube'],
  admission: ['api', 'injection', 'kube', ...telling],
  controller: ['api', 'kube', ...telling],
  defaults: ['api', 'injection', 'controller', 'kube', ...telling],
  kinds: [
    'api',
    'defaults',
    'injection',
    'admission',
    'clouds',
    'storage-classes',
    'nfs-server/export-list.ts',
    'controller',
    'kube',
    ...telling,
  ],
  ops: ['api', 'admission', 'defaults/admissions/names.ts', 'defaults/explanation', 'injection/path.ts', 'kube'],
  explanation: ['api', 'admission', 'controller', 'defaults', 'injection', 'kinds'],
  report: ['api', 'controller', 'defaults', 'explanation', 'injection', 'kinds', 'kube', ...telling],
  install: ['api', 'controller', 'defaults/entry.ts', 'kinds/index.ts', 'settings'],
  cli: [
    'api',
    'admission',
    'certificates',
    'clouds',
    'controller',
    'defaults',
    'explanation',
    'injection',
    'install',
    'kinds',
    'kube',
    'report',
    'settings',
    'storage-classes',
    ...telling,
  ],
  server: [
    'api',
    'admission',
    'certificates',
    'clouds',
    'controller',
    'defaults',
    'explanation',
    'injection',
    'kinds',
    'kube',
    'ops',
    'report',
    'settings',
    'storage-classes',
  ],
};
const kinds = ['persistent-volume-claim', 'spark-application', 'calrissian', 'workflow-pod', 'object-store'];

const zone = (target, allowed, message) => ({
  target: `./src/${target}`,
  from: './src',
  except: [target, ...allowed].map((name) => `./${name}`),
  message,
});
const directions = [
  ...Object.entries(rooms).map(([room, allowed]) =>
    zone(room, allowed, `src/${room} may import only ${allowed.join(', ') || 'itself'} (docs/architecture.md).`),
  ),
  ...kinds.map((kind) => ({
    target: `./src/kinds/${kind}`,
    from: './src/kinds',
    except: [`./${kind}`],
    message: 'One kind never imports another, nor the registry (docs/architecture.md).',
  })),
];

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'bench/peers', 'coverage'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.base],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver()] },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/require-await': 'error',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'error',
      '@typescript-eslint/no-unsafe-call': 'error',
      '@typescript-eslint/no-unsafe-member-access': 'error',
      '@typescript-eslint/no-unsafe-return': 'error',
      '@typescript-eslint/no-unsafe-argument': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      '@typescript-eslint/no-base-to-string': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      'import-x/no-restricted-paths': ['error', { zones: directions }],
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'Settings come through src/settings/config.ts; only src/main.ts reads the environment.',
        },
      ],
    },
  },
  {
    files: ['src/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'CallExpression[callee.property.name="reduce"] CallExpression[callee.name="setAt"]',
          message: 'It copies a list for each of its entries, and tenants choose how many: settle edits of it.',
        },
      ],
    },
  },
  {
    files: ['src/main.ts', 'test/**', 'dev/**', 'bench/**', '*.config.ts'],
    rules: { 'no-restricted-properties': 'off' },
  },
);
