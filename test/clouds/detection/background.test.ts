import { afterEach, describe, expect, it, vi } from 'vitest';
import type { CloudFacts, CloudName, CloudVerdict } from '../../../src/api/facts.ts';
import {
  type Detection,
  type DetectionInput,
  type DetectionOptions,
  nextVerdict,
  startDetection,
} from '../../../src/clouds/detection/detector.ts';

const verdict = (name: CloudName, facts: CloudFacts = {}, notes: readonly string[] = []): CloudVerdict => ({
  name,
  facts,
  classOptions: [],
  notes,
});

const fact = (value: string) => ({ value, source: 'test' });
const world: DetectionInput = { setting: 'auto', metadataEndpoint: undefined, facts: {}, nodes: [], csiDrivers: [] };
const withNode: DetectionInput = { ...world, nodes: [{ name: 'a', providerId: 'kind://a', labels: {} }] };

let running: Detection | undefined;
afterEach(() => running?.stop());

const start = (options: Partial<DetectionOptions>): Detection => {
  running = startDetection({ input: () => world, debounceMs: 1, retryMs: 60_000, ...options });
  return running;
};

describe('startDetection', () => {
  it('has no verdict before the first detection has ended, and settles with it', async () => {
    const answer = Promise.withResolvers<CloudVerdict>();
    const detection = start({ detect: () => answer.promise });
    expect(detection.verdict()).toBeUndefined();
    answer.resolve(verdict('aws'));
    await detection.settled;
    expect(detection.verdict()?.name).toBe('aws');
  });

  it('asks again while the cloud is unknown, and no more once it is named', async () => {
    const answers = [verdict('unknown'), verdict('unknown'), verdict('gcp')];
    const detect = vi.fn(() => Promise.resolve(answers.shift() ?? verdict('azure')));
    const detection = start({ detect, retryMs: 1 });
    await vi.waitFor(() => expect(detection.verdict()?.name).toBe('gcp'));
    expect(detect).toHaveBeenCalledTimes(3);
  });

  it('asks again when nodes changed, once for many changes, and not when nothing differs', async () => {
    let input = world;
    const detect = vi.fn(({ nodes }: DetectionInput) => Promise.resolve(verdict(nodes.length > 0 ? 'aws' : 'local')));
    const looked = vi.fn(() => input);
    const detection = start({ input: looked, detect });
    await detection.settled;

    detection.notifyChange();
    await vi.waitFor(() => expect(looked).toHaveBeenCalledTimes(2));
    expect(detect).toHaveBeenCalledTimes(1);

    input = withNode;
    for (let change = 0; change < 100; change++) detection.notifyChange();
    await vi.waitFor(() => expect(detection.verdict()?.name).toBe('aws'));
    expect(detect).toHaveBeenCalledTimes(2);
  });

  it('does not lose a change that comes while a detection runs', async () => {
    let input = world;
    const first = Promise.withResolvers<CloudVerdict>();
    const detect = vi.fn(({ nodes }: DetectionInput) =>
      nodes.length > 0 ? Promise.resolve(verdict('aws')) : first.promise,
    );
    const detection = start({ input: () => input, detect });
    input = withNode;
    detection.notifyChange();
    first.resolve(verdict('local'));
    await vi.waitFor(() => expect(detection.verdict()?.name).toBe('aws'));
  });

  it('tells of each new verdict once', async () => {
    const told: string[] = [];
    const answers = [verdict('unknown'), verdict('unknown'), verdict('aws')];
    const detect = () => Promise.resolve(answers.shift() ?? verdict('aws'));
    start({ detect, retryMs: 1, onVerdict: ({ name }) => told.push(name) });
    await vi.waitFor(() => expect(told).toContain('aws'));
    expect(told).toEqual(['unknown', 'aws']);
  });

  it('survives a detection that throws, and says why nothing is known', async () => {
    const detect = vi
      .fn<(input: DetectionInput) => Promise<CloudVerdict>>()
      .mockRejectedValueOnce(new Error('no such luck'))
      .mockResolvedValue(verdict('aws'));
    const detection = start({ detect, retryMs: 5 });
    await detection.settled;
    expect(detection.verdict()?.notes).toEqual(['The cloud could not be asked for: no such luck']);
    await vi.waitFor(() => expect(detection.verdict()?.name).toBe('aws'));
  });

  it('asks no more once stopped, though changes come', async () => {
    const detect = vi.fn(() => Promise.resolve(verdict('unknown')));
    const looked = vi.fn(() => world);
    const detection = start({ detect, input: looked, retryMs: 1_000_000 });
    await detection.settled;
    detection.stop();
    detection.notifyChange();
    await new Promise((resolve) => setImmediate(resolve));
    expect(looked).toHaveBeenCalledTimes(1);
  });
});

describe('succeed', () => {
  const named = verdict('aws', { region: fact('eu-west-1'), account: fact('1') }, ['Metadata answers as aws.']);

  it('keeps a cloud once named when nothing is found later, and says what happened', () => {
    const next = nextVerdict(named, verdict('unknown', {}, ['No metadata service answers.']));
    expect(next.name).toBe('aws');
    expect(next.facts).toEqual(named.facts);
    expect(next.notes).toEqual(['Metadata answers as aws.', 'No metadata service answers.']);
  });

  it('does not let a cloud become local because its metadata is silent for once', () => {
    expect(nextVerdict(named, verdict('local')).name).toBe('aws');
  });

  it('renews facts and forgets none', () => {
    expect(nextVerdict(named, verdict('aws', { region: fact('eu-west-2') })).facts).toEqual({
      region: fact('eu-west-2'),
      account: fact('1'),
    });
  });

  it('lets local give way to a cloud that shows itself', () => {
    expect(nextVerdict(verdict('local'), named)).toBe(named);
  });

  it('takes another cloud named as surely, with its own facts alone', () => {
    expect(nextVerdict(named, verdict('gcp', { project: fact('p') })).facts).toEqual({ project: fact('p') });
  });
});
