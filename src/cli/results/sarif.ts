import packageJson from '../../../package.json' with { type: 'json' };

/** One result of a SARIF log. Without a place in a file where it is about an object of a cluster. */
export interface SarifResult {
  readonly rule: string;
  readonly level: 'error' | 'warning' | 'note';
  readonly message: string;
  readonly at?: { readonly file: string; readonly line: number; readonly column?: number };
  /** `SparkApplication team-a/etl`. */
  readonly about?: string;
}

/** A log of SARIF 2.1.0 with one run, as text. `rules`: what each of them looks for. */
export const sarifText = (rules: Readonly<Record<string, string>>, results: readonly SarifResult[]): string => {
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'quartermaster',
            version: packageJson.version,
            rules: Object.entries(rules).map(([id, text]) => ({ id, shortDescription: { text } })),
          },
        },
        results: results.map(resultOf),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
};

const resultOf = ({ rule, level, message, at, about }: SarifResult): object => ({
  ruleId: rule,
  level,
  message: { text: message },
  ...((at ?? about) !== undefined && {
    locations: [
      {
        ...(at && {
          physicalLocation: {
            artifactLocation: { uri: encodeURI(at.file) },
            region: { startLine: at.line, ...(at.column !== undefined && { startColumn: at.column }) },
          },
        }),
        ...(about !== undefined && { logicalLocations: [{ fullyQualifiedName: about, kind: 'resource' }] }),
      },
    ],
  }),
});
