// The type-aware rules Biome does not have, and the directions imports may take. Biome does the rest.
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import { importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

const floor = ['api', 'errors.ts', 'names.ts'];
/** What each layer may import besides itself. Anything not listed is refused. */
const layers = {
  api: ['errors.ts', 'names.ts'],
  defaults: floor,
  cloud: floor,
  storage: floor,
  bucket: floor,
  certificates: [...floor, 'kube'],
  kube: floor,
  mutate: [...floor, 'defaults', 'storage'],
  admission: [...floor, 'mutate', 'defaults', 'storage', 'kube', 'cloud/cloud.ts', 'metrics.ts', 'log.ts', 'config.ts'],
  controller: [
    ...floor,
    'mutate',
    'defaults',
    'storage',
    'bucket',
    'certificates',
    'kube',
    'cloud/cloud.ts',
    'admission',
    'metrics.ts',
    'log.ts',
    'config.ts',
  ],
  ops: [...floor, 'admission', 'kube'],
  cli: [
    ...floor,
    'admission',
    'mutate',
    'defaults',
    'storage',
    'bucket',
    'cloud',
    'kube',
    'controller',
    'certificates',
    'log.ts',
    'config.ts',
    'settings.ts',
  ],
};

const directions = Object.entries(layers).map(([layer, allowed]) => ({
  target: `./src/${layer}`,
  from: './src',
  except: [`./${layer}`, ...allowed.map((name) => `./${name}`)],
  message: `src/${layer} may import only ${allowed.join(', ')} (docs/decisions.md 3).`,
}));

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
          message: 'Settings come through src/config.ts; only src/main.ts reads the environment.',
        },
      ],
    },
  },
  {
    files: ['src/main.ts', 'test/**', 'dev/**', 'bench/**', '*.config.ts'],
    rules: { 'no-restricted-properties': 'off' },
  },
);
