import { describe, expect, test } from 'vitest';
import { inspectPair, isIssuedFor, isSignedBy } from '../../src/certificates/certificate.ts';
import {
  applyStep,
  bundleOf,
  type CertificateState,
  type Circumstances,
  decodeState,
  encodeState,
  newState,
  planStep,
  servingPeriod,
} from '../../src/certificates/rollover.ts';
import { serviceNames } from '../../src/certificates/secret-source.ts';

const DAY_MS = 86_400_000;
const start = new Date('2026-11-20T12:00:00Z');
const names = [...serviceNames('quartermaster', 'quartermaster-system'), 'localhost', '127.0.0.1'];
const later = (days: number): Date => new Date(start.getTime() + days * DAY_MS);
const at = (now: Date, rest: Partial<Circumstances> = {}): Circumstances => ({
  now,
  names,
  settleMs: 15_000,
  isNextTrusted: true,
  ...rest,
});

const withoutKey = (state: CertificateState): CertificateState => ({
  ...state,
  authority: { cert: state.authority.cert },
});

/** Takes every step that is due, as one look at the Secret does. */
const settle = async (state: CertificateState, circumstances: Circumstances): Promise<CertificateState> => {
  const step = planStep(state, circumstances);
  return step === 'keep' ? state : settle(await applyStep(state, step, circumstances), circumstances);
};

describe('issuing', () => {
  test('makes a certificate that its authority signed for every name and address', async () => {
    const { serving, authority } = await newState({ names, now: start });
    const inspection = inspectPair(serving ?? { cert: '', key: '' });
    if (!inspection.isUsable) throw new Error(inspection.why);
    expect(isSignedBy(inspection.certificate, authority.cert)).toBe(true);
    expect(isIssuedFor(inspection.certificate, names)).toBe(true);
    expect(isIssuedFor(inspection.certificate, ['other.quartermaster-system.svc'])).toBe(false);
    expect(inspection.certificate.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' });
    expect(inspection.certificate.ca).toBe(false);
  });

  test('never lets a serving certificate outlive its authority', async () => {
    const state = await newState({ names, now: start });
    const renewed = await applyStep(state, 'renew-serving', { names, now: later(3 * 365 - 10) });
    expect(servingPeriod(renewed, names)?.until).toEqual(later(3 * 365));
  });
});

describe('the Secret', () => {
  test('gives back every part it was written with', async () => {
    const announced = await settle(withoutKey(await newState({ names, now: start })), at(later(1)));
    const adopted = await settle(announced, at(later(2)));
    const rolled = await settle(withoutKey(adopted), at(later(3)));
    expect(rolled.next).toBeDefined();
    expect(rolled.previous).toBeDefined();
    expect(decodeState(encodeState(rolled))).toEqual(rolled);
  });

  test('is rubbish where not even the authority can be read', () => {
    const rubbish = Buffer.from('rubbish').toString('base64');
    expect(decodeState({})).toBeUndefined();
    expect(decodeState({ 'ca.crt': rubbish, 'tls.crt': rubbish, 'tls.key': rubbish })).toBeUndefined();
  });

  test('loses only the part that was spoilt', async () => {
    const state = await newState({ names, now: start });
    const spoilt = decodeState({ ...encodeState(state), 'tls.key': 'AAAA' });
    expect(spoilt).toEqual({ authority: state.authority });
  });
});

describe('the plan', () => {
  test('keeps what is young', async () => {
    expect(planStep(await newState({ names, now: start }), at(later(59)))).toBe('keep');
  });

  test('renews the serving certificate with a third of its life left, under the same authority', async () => {
    const state = await newState({ names, now: start });
    expect(planStep(state, at(later(61)))).toBe('renew-serving');
    const renewed = await settle(state, at(later(61)));
    expect(renewed.authority).toEqual(state.authority);
    expect(servingPeriod(renewed, names)?.until).toEqual(later(61 + 90));
  });

  test('renews at once where a name is missing', async () => {
    const state = await newState({ names: ['localhost'], now: start });
    expect(planStep(state, at(start))).toBe('renew-serving');
  });

  test('announces a new authority long before the old one ends, and uses it only when it is settled and trusted', async () => {
    const now = later(2 * 365 + 1);
    const announced = await settle(await newState({ names, now: start }), at(now));
    expect(bundleOf(announced)).toBe(announced.authority.cert + announced.next?.cert);
    expect(servingPeriod(announced, names)?.until).toEqual(new Date(now.getTime() + 90 * DAY_MS));
    const minute = new Date(now.getTime() + 60_000);
    expect(planStep(announced, at(now))).toBe('keep');
    expect(planStep(announced, at(minute, { isNextTrusted: false }))).toBe('keep');
    expect(planStep(announced, at(minute))).toBe('adopt-authority');
  });

  test('trusts the old authority until the last certificate it signed has expired', async () => {
    const announced = await settle(withoutKey(await newState({ names, now: start })), at(later(1)));
    const adopted = await settle(announced, at(later(2)));
    expect(adopted.authority.cert).toBe(announced.next?.cert);
    expect(bundleOf(adopted)).toBe(adopted.authority.cert + announced.authority.cert);
    expect(adopted.previous?.until).toEqual(later(90));
    expect((await settle(adopted, at(later(59)))).previous).toBeDefined();
    expect((await settle(adopted, at(later(91)))).previous).toBeUndefined();
  });

  test('trusts every authority still in use when two are replaced in a row', async () => {
    const first = await newState({ names, now: start });
    const second = await settle(await settle(withoutKey(first), at(later(1))), at(later(2)));
    const third = await settle(await settle(withoutKey(second), at(later(3))), at(later(4)));
    expect(bundleOf(third)).toBe(third.authority.cert + second.authority.cert + first.authority.cert);
  });

  test('waits for nobody where what is served has expired anyway', async () => {
    const announced = await settle(withoutKey(await newState({ names, now: start })), at(later(89)));
    expect(planStep(announced, at(later(91), { isNextTrusted: false }))).toBe('adopt-authority');
  });
});
