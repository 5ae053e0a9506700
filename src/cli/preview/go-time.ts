type Part = readonly [layout: string, pattern: RegExp, range?: readonly [name: string, least: number, most: number]];

const dash: Part = ['-', /^-/];
const colon: Part = [':', /^:/];

const ZONE = /^(?:Z|([+-])(\d\d):(\d\d))/;

/** RFC 3339 as Go's time.Parse takes it apart: what a part must look like, and between which numbers it is. */
const PARTS: readonly Part[] = [
  ['2006', /^\d{4}/],
  dash,
  ['01', /^\d\d/, ['month', 1, 12]],
  dash,
  ['02', /^\d\d/],
  ['T', /^T/],
  ['15', /^\d\d?/, ['hour', 0, 23]],
  colon,
  ['04', /^\d\d/, ['minute', 0, 59]],
  colon,
  ['05', /^\d\d(?:[.,]\d+)?/, ['second', 0, 59.999_999_999]],
  ['Z07:00', ZONE],
];

/** Why a text is no time, in Go's words; undefined for one that is. */
export const timeError = (text: string): string | undefined => {
  const parsing = `parsing time ${JSON.stringify(text)}`;
  let behind = text;
  for (const [layout, pattern, range] of PARTS) {
    const [part] = pattern.exec(behind) ?? [];
    if (part === undefined)
      return `${parsing} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(behind)} as "${layout}"`;
    const number = Number.parseFloat(part);
    if (range !== undefined && (number < range[1] || number > range[2])) return `${parsing}: ${range[0]} out of range`;
    behind = behind.slice(part.length);
  }
  const [, , hours = '0', minutes = '0'] = zoneOf(text);
  if (Number(minutes) > 60) return `${parsing}: time zone offset minute out of range`;
  if (Number(hours) > 24) return `${parsing}: time zone offset hour out of range`;
  if (behind !== '') return `${parsing}: extra text: ${JSON.stringify(behind)}`;
  const day = text.slice(0, 10);
  const isDay = new Date(`${day}T00:00:00Z`).toJSON()?.startsWith(day) === true;
  return isDay ? undefined : `${parsing}: day out of range`;
};

const zoneOf = (text: string): readonly string[] => ZONE.exec(text.replace(/^[^T]*T[\d:]*(?:[.,]\d+)?/, '')) ?? [];

/** A time as Go writes it: in UTC, without parts of a second. */
export const inGoTime = (text: string): string => {
  const [, sign, hours = '0', minutes = '0'] = zoneOf(text);
  const [, day = '', hour = '', more = ''] = /^(.*)T(\d\d?)(:\d\d:\d\d)/.exec(text) ?? [];
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -60_000 : 60_000);
  const local = Date.parse(`${day}T${hour.padStart(2, '0')}${more}Z`);
  return new Date(local - offset).toISOString().replace(/\.\d+/, '');
};
