/**
 * Lint: typescript-eslint's strictest set with types, and the seam. Each rule that is switched off
 * or loosened says why; what lint cannot see (floors, sizes, headers) is in test/tidy.test.ts. Zero
 * warnings: a rule is an error or it is off.
 */
import tseslint from 'typescript-eslint'

const SEAM_MODULES = [
  'fs',
  'fs/promises',
  'net',
  'tls',
  'dgram',
  'http',
  'https',
  'http2',
  'child_process',
  'cluster',
  'worker_threads',
  'timers',
  'timers/promises',
  'perf_hooks',
]

const seam = {
  paths: SEAM_MODULES.flatMap((name) => [`node:${name}`, name]).map((name) => ({
    name,
    message: 'Only src/host/node-*.ts touches the machine; take the part of Host that is needed.',
  })),
}

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'node_modules/', 'millrace-data/', 'word-counts/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      // Numbers read well in messages; anything else must be made a string on purpose.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `() => socket.destroy()` is the short form of a callback whose value nobody takes.
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      // The overloads of the public API are documented one by one and inferred in their order.
      '@typescript-eslint/unified-signatures': 'off',
      // `f: () => Promise<void> | void` is the documented shape of a callback that may be
      // asynchronous.
      '@typescript-eslint/no-invalid-void-type': 'off',
      // A codec or a resource takes the type it stands for: `json<Session>()`.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // Twins in memory implement asynchronous interfaces and have nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      // `for (;;)` and `while (true)` are loops that end by return.
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // What was caught may be thrown on, and a signal's reason is unknown by nature.
      '@typescript-eslint/only-throw-error': [
        'error',
        { allowThrowingUnknown: true, allowThrowingAny: true, allowRethrowing: true },
      ],
      '@typescript-eslint/prefer-promise-reject-errors': [
        'error',
        { allowThrowingUnknown: true, allowThrowingAny: true },
      ],
      // A leading underscore says that a parameter is there for its position.
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'all' },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      eqeqeq: ['error', 'always'],
      'no-empty': ['error', { allowEmptyCatch: false }],
    },
  },
  {
    files: ['src/**/*.ts', 'wal/**/*.ts', 'checkpoint/**/*.ts'],
    ignores: ['src/host/node-*.ts', '**/main.ts', '**/*-main.ts'],
    rules: { 'no-restricted-imports': ['error', seam] },
  },
  {
    files: ['test/**/*.ts', 'chaos/**/*.ts', 'bench/**/*.ts'],
    rules: {
      // `expect(spy.method)` names a method without calling it.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  { files: ['**/*.js', '**/*.mjs'], extends: [tseslint.configs.base] },
)
