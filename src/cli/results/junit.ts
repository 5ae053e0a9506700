/** One test of a JUnit report. */
interface JunitCase {
  readonly name: string;
  /** What went wrong, a line each; none where it passed. */
  readonly failures: readonly string[];
  readonly seconds?: number;
}

export interface JunitSuite {
  readonly name: string;
  readonly cases: readonly JunitCase[];
}

/** A report as Jenkins, GitLab and GitHub's test reporters read it. */
export const junitText = (suites: readonly JunitSuite[]): string =>
  [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="quartermaster" ${countsOf(suites.flatMap(({ cases }) => cases))}>`,
    ...suites.flatMap(suiteLines),
    '</testsuites>',
    '',
  ].join('\n');

const countsOf = (cases: readonly JunitCase[]): string =>
  `tests="${cases.length}" failures="${cases.filter(({ failures }) => failures.length > 0).length}"`;

const suiteLines = ({ name, cases }: JunitSuite): readonly string[] => [
  `  <testsuite name="${escaped(name)}" ${countsOf(cases)}>`,
  ...cases.flatMap((one) => caseLines(one, name)),
  '  </testsuite>',
];

const caseLines = ({ name, failures, seconds }: JunitCase, suite: string): readonly string[] => {
  const time = seconds === undefined ? '' : ` time="${seconds.toFixed(3)}"`;
  const head = `    <testcase name="${escaped(name)}" classname="${escaped(suite)}"${time}`;
  const [first] = failures;
  if (first === undefined) return [`${head}/>`];
  return [
    `${head}>`,
    `      <failure message="${escaped(first)}">${escaped(failures.join('\n'))}</failure>`,
    '    </testcase>',
  ];
};

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** XML 1.0 has no control characters but tab and line ends. */
const escaped = (text: string): string =>
  text
    .replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out.
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\uFFFD');
