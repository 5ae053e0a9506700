/** How each command is used: the last lines of its `--help`, which tests run. At most 96 characters each. */
export const EXAMPLES = {
  '': ['quartermaster preview -f app.yaml --defaults defaults.yaml --cloud aws', 'quartermaster help preview'],
  serve: ['quartermaster serve --cloud aws --log-level debug', 'quartermaster serve --webhook-only'],
  preview: [
    'quartermaster preview -f app.yaml --cloud aws --defaults defaults.yaml --explain',
    'quartermaster preview -f app.yaml --live -o diff',
    'quartermaster preview -f app.yaml --defaults defaults.yaml -o patch > app.patch.json',
    'kustomize build overlays/prod | quartermaster preview -f - --strict',
  ],
  why: ['quartermaster why sparkapplication/spark-pi -n team-a', 'quartermaster why pvc/data'],
  lint: [
    'quartermaster lint -R policies/',
    'kustomize build overlays/prod | quartermaster lint - -o sarif > lint.sarif',
  ],
  test: [
    'quartermaster test policies/ --coverage',
    'quartermaster test policies/ -o junit > policies.xml',
    'quartermaster test policies/geo.test.yaml --update',
  ],
  convert: [
    'quartermaster convert policy.yaml > defaults.yaml',
    'kubectl get clusterpolicies -o yaml | quartermaster convert - --strict',
  ],
  report: [
    'quartermaster report --live',
    'quartermaster report --live -o policyreport | kubectl apply -f -',
    'kubectl get platformdefaults,sparkapplications -A -o yaml | quartermaster report -',
  ],
  detect: ['quartermaster detect', 'quartermaster detect --cloud gcp --facts region=europe-west1'],
  check: ['quartermaster check'],
  manifests: [
    'quartermaster manifests | kubectl apply -f -',
    'quartermaster manifests --values values.yaml > quartermaster.yaml',
    'quartermaster manifests --backstop defaults.yaml | kubectl apply -f -',
  ],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** As they stand below the options. */
export const examplesText = (command: keyof typeof EXAMPLES): string =>
  ['', EXAMPLES[command].length === 1 ? 'Example:' : 'Examples:', ...EXAMPLES[command].map((line) => `  ${line}`)].join(
    '\n',
  );
