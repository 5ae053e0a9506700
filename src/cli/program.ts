import { Command, CommanderError, Option } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { AppError } from '../api/errors.ts';
import { dnsLabel } from '../defaults/validation/names.ts';
import { flagOf, readSettings, type SettingName, type Settings } from '../settings/config.ts';
import { settings } from '../settings/definitions.ts';
import type { ConvertOptions } from './convert/command.ts';
import { EXAMPLES, examplesText } from './examples.ts';
import type { LintOptions } from './lint/command.ts';
import type { ManifestsOptions } from './manifests.ts';
import type { TestOptions } from './policy-test/command.ts';
import type { PreviewOptions } from './preview.ts';
import type { ReportOptions } from './report/command.ts';
import { EXIT, type Terminal } from './terminal.ts';
import type { WhyOptions } from './why.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What the commands do; each is loaded only when it is asked for. */
export interface Commands {
  readonly serve: (
    settings: Settings,
    mode: { readonly webhook: boolean; readonly controller: boolean },
  ) => Promise<number>;
  /** Ends with the process. */
  readonly nfsServer: () => Promise<void>;
}

const ALL_SETTINGS = Object.keys(settings) as SettingName[];

/** Settings that change what `preview` decides. */
const PREVIEW_SETTINGS = [
  'unenforced',
  'namespaceAnnotations',
  'storageClassPattern',
  'storageClassLimit',
  'unknownClass',
  'rwxFallback',
  'nfsNamespace',
  'nfsImage',
  'nfsServerImage',
  'nfsClients',
  'nfsServer',
  'nfsShare',
  'nfsClaimLimitGi',
  'azureFileAccount',
  'calrissianServiceAccounts',
  'calrissianObjectStore',
  'calrissianBucket',
  'calrissianSecret',
  'podProfiles',
  's3Endpoint',
  's3Credentials',
  's3Services',
  's3Region',
  's3Addressing',
  'namespace',
] as const satisfies readonly SettingName[];

const DETECT_SETTINGS = ['cloud', 'metadataEndpoint', 'facts'] as const satisfies readonly SettingName[];

/** Settings that change what `why` decides; -n is the namespace of the object there. */
const WHY_SETTINGS = PREVIEW_SETTINGS.filter((name) => name !== 'namespace');

/** Settings that change what `lint` finds. */
const LINT_SETTINGS = [
  'cloud',
  's3Endpoint',
  's3Credentials',
  's3Services',
  'objectStoreLoopback',
  'namespace',
] as const satisfies readonly SettingName[];

/** What they say there: no metadata service is asked. */
const LINT_SUMMARIES = {
  cloud: 'the cloud that ObjectStores are checked for, or auto for one that is not known',
};

/** Runs one command line to its exit code. Every mistake of the caller is one line on standard error, broken to fit a terminal, and exit 2. */
export const run = async (
  args: readonly string[],
  environment: Environment,
  terminal: Terminal,
  commands: Commands,
): Promise<number> => {
  let code: number = EXIT.fine;
  const setExitCode = (exit: number): void => {
    code = exit;
  };
  const program = createProgram({ environment, terminal, commands, setExitCode });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : EXIT.unusable;
    if (!(error instanceof AppError)) throw error;
    terminal.fail(`quartermaster: ${error.message}\n`);
    return EXIT.unusable;
  }
};

/** What the commands act with. */
interface Context {
  readonly environment: Environment;
  readonly terminal: Terminal;
  readonly commands: Commands;
  readonly setExitCode: (code: number) => void;
}

type AddCommand = (program: Command, context: Context) => void;

const createProgram = (context: Context): Command => {
  const { terminal } = context;
  const program = new Command('quartermaster')
    .description('Supplies data workloads on Kubernetes with what the cluster they land on needs.')
    .version(packageJson.version, '-V, --version', 'print the version')
    .configureOutput({
      writeOut: terminal.print,
      writeErr: terminal.complain,
      getOutHelpWidth: () => terminal.columns,
      getErrHelpWidth: () => terminal.columns,
    })
    .configureHelp({ minWidthToWrap: LEAST_COLUMNS })
    .exitOverride()
    .showHelpAfterError('(quartermaster --help lists the commands)');
  for (const addCommand of COMMANDS) addCommand(program, context);
  program.addHelpText('after', examplesText(''));
  for (const command of program.commands) {
    const name = command.name();
    if (isExplained(name)) command.addHelpText('after', examplesText(name));
  }
  return program;
};

const addServe: AddCommand = (program, { environment, commands, setExitCode }) => {
  const serve = program
    .command('serve')
    .description('run the webhook and the controller')
    .option('--webhook-only', 'answer admissions only', false)
    .option('--controller-only', 'reconcile only', false);
  addSettings(serve, ALL_SETTINGS).action(async (options: ServeOptions) => {
    if (options.webhookOnly && options.controllerOnly) {
      throw new AppError('InvalidInput', '--webhook-only and --controller-only leave nothing to do; give one of them.');
    }
    const mode = { webhook: !options.controllerOnly, controller: !options.webhookOnly };
    setExitCode(await commands.serve(settingsOf(serve, ALL_SETTINGS, environment), mode));
  });
};

const addPreview: AddCommand = (program, { environment, terminal, setExitCode }) => {
  const preview = program
    .command('preview')
    .description('show, without a cluster, what admission would do to each object of a manifest')
    .requiredOption('-f, --file <path...>', 'file, folder or - for standard input')
    .addOption(recursive())
    .option('--cloud <name>', 'the cloud the manifest lands on', 'unknown')
    .option('--fact <name=value...>', 'what is known there (region=eu-west-1, efsFileSystemId=fs-1)')
    .option('--csi-drivers <names>', 'CSI drivers installed there, joined by commas (default: the usual ones)')
    .option('--defaults <file...>', 'PlatformDefaults that hold there, with --live besides those of the cluster')
    .addOption(namespaceOption('namespace of objects that name none', 'default'))
    .option('--namespace-labels <pairs>', 'labels of the namespaces, as key=value,…')
    .addOption(
      new Option('--live', 'take cloud, classes, drivers, claims, namespaces and defaults from the current kubeconfig')
        .default(false)
        .conflicts(['cloud', 'fact', 'csiDrivers', 'namespaceLabels']),
    )
    .addOption(output('yaml', 'json', 'patch', 'diff'))
    .option('--old <file...>', 'files with what is stored already: the same objects are then previewed as updates')
    .option('--explain', 'tell of every default whether it was applied, and why not', false)
    .option('--strict', 'end with 1 where a warning is given', false);
  addSettings(preview, PREVIEW_SETTINGS).action(async (options: PreviewOptions) => {
    const { previewCommand } = await import('./preview.ts');
    const given = settingsOf(preview, PREVIEW_SETTINGS, environment);
    setExitCode(await previewCommand(options, given, environment, terminal));
  });
};

const addWhy: AddCommand = (program, { environment, terminal, setExitCode }) => {
  const why = program
    .command('why')
    .description('tell of a stored object what it was given, what a new one would be given now, and why not')
    .argument('<kind/name>', 'such as sparkapplication/spark-pi or pvc/data')
    .addOption(namespaceOption('its namespace', 'default'));
  addSettings(why, WHY_SETTINGS).action(async (reference: string, options: WhyOptions) => {
    const { whyCommand } = await import('./why.ts');
    const given = settingsOf(why, WHY_SETTINGS, environment);
    setExitCode(await whyCommand(reference, options, given, environment, terminal));
  });
};

const addLint: AddCommand = (program, { environment, terminal, setExitCode }) => {
  const lint = program
    .command('lint')
    .description('check PlatformDefaults, ObjectStores and settings, without a cluster: every mistake with its place')
    .argument('<file...>', 'file, folder or - for standard input')
    .addOption(recursive())
    .addOption(namespaceOption('namespace of objects that name none', 'default'))
    .addOption(output('table', 'json', 'sarif', 'junit'))
    .option('--strict', 'end with 1 where a warning is given', false);
  addSettings(lint, LINT_SETTINGS, LINT_SUMMARIES).action(async (files: readonly string[], options: LintOptions) => {
    const { lintCommand } = await import('./lint/command.ts');
    setExitCode(lintCommand(files, options, settingsOf(lint, LINT_SETTINGS, environment), terminal));
  });
};

const addTest: AddCommand = (program, { terminal, setExitCode }) => {
  program
    .command('test')
    .description('run tests of PlatformDefaults: files named *.test.yaml (docs/testing.md)')
    .argument('<path...>', 'folder or file')
    .addOption(output('table', 'json', 'junit'))
    .option('--coverage', 'tell which keys of which PlatformDefaults could go without a test that fails', false)
    .option('--update', 'write snapshots anew', false)
    .option('--watch', 'run again after each change', false)
    .option('--strict', 'end with 1 where a warning is given that no test expects', false)
    .action(async (paths: readonly string[], options: TestOptions) => {
      const { testCommand } = await import('./policy-test/command.ts');
      setExitCode(await testCommand(paths, options, terminal));
    });
};

const addConvert: AddCommand = (program, { terminal, setExitCode }) => {
  program
    .command('convert')
    .description('print the PlatformDefaults that do what mutating policies of Kyverno and Gatekeeper do to pods')
    .argument('<file...>', 'file, folder or - for standard input')
    .addOption(recursive())
    .addOption(namespaceOption('the system namespace', settings.namespace.fallback))
    .option('--strict', 'end with 1 where something is left out', false)
    .action(async (files: readonly string[], options: ConvertOptions) => {
      const { convertCommand } = await import('./convert/command.ts');
      setExitCode(convertCommand(files, options, terminal));
    });
};

const addReport: AddCommand = (program, { environment, terminal, setExitCode }) => {
  const report = program
    .command('report')
    .description(
      'tell of stored objects what they have, lack, have otherwise than new ones would, or have forged or edited',
    )
    .argument('[path...]', 'files and folders of objects as kubectl get -o yaml writes them')
    .addOption(
      new Option('--live', 'report on the cluster of the current kubeconfig')
        .default(false)
        .conflicts(['cloud', 'fact', 'csiDrivers', 'namespaceLabels', 'defaults']),
    )
    .addOption(recursive())
    .option('--cloud <name>', 'the cloud the objects are on', 'unknown')
    .option('--fact <name=value...>', 'what is known there')
    .option('--csi-drivers <names>', 'CSI drivers installed there, joined by commas (default: the usual ones)')
    .option('--defaults <file...>', 'PlatformDefaults that hold there, besides those among the objects')
    .addOption(namespaceOption('namespace of objects that name none', 'default'))
    .option('--namespace-labels <pairs>', 'labels of the namespaces, as key=value,…')
    .addOption(output('table', 'json', 'junit', 'sarif', 'html', 'policyreport', 'openreports'))
    .option('--strict', 'end with 1 where anything is found, or may not be listed', false);
  addSettings(report, PREVIEW_SETTINGS).action(async (paths: readonly string[], options: ReportOptions) => {
    const { reportCommand } = await import('./report/command.ts');
    const given = settingsOf(report, PREVIEW_SETTINGS, environment);
    setExitCode(await reportCommand(paths, options, given, environment, terminal));
  });
};

const addDetect: AddCommand = (program, { environment, terminal, setExitCode }) => {
  const detect = program
    .command('detect')
    .description('print the cloud and what is known of it, with sources, as JSON');
  addSettings(detect, DETECT_SETTINGS).action(async () => {
    const { detectCommand } = await import('./detect.ts');
    setExitCode(await detectCommand(settingsOf(detect, DETECT_SETTINGS, environment), environment, terminal));
  });
};

const addCheck: AddCommand = (program, { environment, terminal, setExitCode }) => {
  program
    .command('check')
    .description('ask the cluster about a claim that is not stored, and print what Quartermaster says of it')
    .action(async () => {
      const { checkCommand } = await import('./check.ts');
      setExitCode(await checkCommand(environment, terminal));
    });
};

/** Runs in the image of the NFS servers alone: nobody is to call it. */
const addNfsServer: AddCommand = (program, { commands }) => {
  program.command('nfs-server', { hidden: true }).action(() => commands.nfsServer());
};

const addManifests: AddCommand = (program, { terminal, setExitCode }) => {
  program
    .command('manifests')
    .description('print what installs Quartermaster on a cluster, as YAML')
    .option('--namespace <name>', 'namespace to run in', settings.namespace.fallback)
    .option('--image <image>', 'image to run')
    .option('--values <file>', 'YAML file of all that can be chosen, as the chart takes it')
    .option(
      '--backstop <file...>',
      'instead: policies by which the API server itself refuses what lacks what these PlatformDefaults enforce',
    )
    .action(async (options: ManifestsOptions) => {
      const { manifestsCommand } = await import('./manifests.ts');
      setExitCode(manifestsCommand(options, terminal));
    });
};

/** In the order of `--help`. */
const COMMANDS: readonly AddCommand[] = [
  addServe,
  addPreview,
  addWhy,
  addLint,
  addTest,
  addConvert,
  addReport,
  addDetect,
  addCheck,
  addNfsServer,
  addManifests,
];

const recursive = (): Option => new Option('-R, --recursive', 'look through folders within folders too').default(false);

const namespaceOption = (description: string, fallback: string): Option =>
  new Option('-n, --namespace <name>', description).default(fallback).argParser((name) => {
    if (dnsLabel.accepts(name)) return name;
    throw new AppError('InvalidInput', `--namespace "${name}" is not ${dnsLabel.title}.`);
  });

/** The first of the formats is the one where none is asked for. */
const output = (...formats: readonly [string, ...string[]]): Option =>
  new Option('-o, --output <format>', 'how to print it').choices(formats).default(formats[0]);

/** What is said of an option is broken to as few characters a line. */
const LEAST_COLUMNS = 20;

const isExplained = (name: string): name is keyof typeof EXAMPLES => name in EXAMPLES;

interface ServeOptions {
  readonly webhookOnly: boolean;
  readonly controllerOnly: boolean;
}

const addSettings = (
  command: Command,
  names: readonly SettingName[],
  summaries: Partial<Record<SettingName, string>> = {},
): Command => {
  for (const name of names) {
    const { env, summary, fallback } = settings[name];
    command.option(
      `${flagOf(name)} <value>`,
      `${summaries[name] ?? summary} [${env}${fallback === '' ? '' : `, default ${fallback}`}]`,
    );
  }
  return command;
};

const settingsOf = (command: Command, names: readonly SettingName[], environment: Environment): Settings =>
  readSettings(environment, flagsOf(command, names));

/** The settings that were given as flags, of those the command takes. */
const flagsOf = (command: Command, names: readonly SettingName[]): Partial<Record<SettingName, string>> => {
  const given = command.opts<Record<string, unknown>>();
  const entries = names.map((name) => [name, given[attributeOf(flagOf(name))]] as const);
  return Object.fromEntries(entries.filter(([, value]) => typeof value === 'string'));
};

const attributeOf = (flag: string): string =>
  flag.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
