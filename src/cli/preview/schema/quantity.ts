const GIGA = 1_000_000_000n;
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY: readonly string[] = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/**
 * A quantity of Kubernetes in billionths, rounded up as the API server does; undefined for what is none
 * (apimachinery's resource.ParseQuantity). Binary ones end at 2^63 - 1.
 */
export const parseQuantity = (text: string): bigint | undefined => {
  const [, sign, whole = '', part = '', suffix = ''] = /^([+-]?)(\d*)(?:\.(\d*))?(\D*[+-]?\d*)$/.exec(text) ?? [];
  const unit = unitOf(suffix);
  if (whole + part === '' || unit === undefined) return undefined;
  const nano = scaled(BigInt(whole + part) * GIGA * unit.factor, unit.exponent - part.length);
  const capped = unit.factor > 1n && nano > MOST ? MOST : nano;
  return sign === '-' ? -capped : capped;
};

const MOST = (2n ** 63n - 1n) * GIGA;

const unitOf = (suffix: string): { readonly factor: bigint; readonly exponent: number } | undefined => {
  const power = BINARY.indexOf(suffix);
  if (power > 0) return { factor: 1_024n ** BigInt(power), exponent: 0 };
  const exponent = /^[eE][+-]?\d+$/.test(suffix) ? Number(suffix.slice(1)) : DECIMAL[suffix];
  return exponent === undefined ? undefined : { factor: 1n, exponent };
};

/** Times a power of ten, away from zero where it does not come out even. */
const scaled = (number: bigint, exponent: number): bigint => {
  if (exponent >= 0) return number * 10n ** BigInt(exponent);
  const divisor = 10n ** BigInt(-exponent);
  return (number + divisor - 1n) / divisor;
};
